"""Tasks of lm-evaluation-harness on local files, for the tools that compare phibench with it.

The harness' own definitions, with nothing changed but where the data stand; and what brings the
data sets that lie beside the repository into the layout that they expect. Nothing is downloaded.
"""
import functools
import json
import pathlib
import re
import tempfile

import lm_eval
import lm_eval.utils
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks._yaml_loader import load_yaml

# The harness compiles a template each time that it uses it, which is most of its time here.
lm_eval.utils.env.from_string = functools.lru_cache(lm_eval.utils.env.from_string)

SEED = 1234  # of examples, as the harness' evaluator has it
ROOT = pathlib.Path(lm_eval.__file__).parent / "tasks"

# Our task: theirs.
THEIRS = {
    "arc_easy": "arc/arc_easy.yaml",
    "arc_challenge": "arc/arc_challenge.yaml",
    "hellaswag": "hellaswag/hellaswag.yaml",
    "piqa": "piqa/piqa.yaml",
    "winogrande": "winogrande/default.yaml",
    "boolq": "super_glue/boolq/default.yaml",
    "openbookqa": "openbookqa/openbookqa.yaml",
    "commonsense_qa": "commonsense_qa/default.yaml",
    "siqa": "siqa/siqa.yaml",
    "truthfulqa_mc1": "truthfulqa/truthfulqa_mc1.yaml",
    "truthfulqa_mc2": "truthfulqa/truthfulqa_mc2.yaml",
    "lambada": "lambada/lambada_openai.yaml",
    "gsm8k": "gsm8k/gsm8k.yaml",
}


def make_task(path, records, examples=None):
    """Their task on these records, in every split but that of examples."""
    config = load_yaml(ROOT / path)
    for key in ("tag", "group", "task_list"):
        config.pop(key, None)
    splits = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in (("records", records), ("examples", examples or records)):
            file = pathlib.Path(folder) / f"{name}.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            for key in ("training_split", "validation_split", "test_split", "fewshot_split"):
                if config.get(key):
                    is_pool = key in ("training_split", "fewshot_split")
                    if is_pool == (name == "examples"):
                        splits.setdefault(config[key], str(file))
        config.update(dataset_path="json", dataset_name=None, dataset_kwargs={
            "data_files": splits, "cache_dir": folder})
        return ConfigurableTask(config=config)


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_records(path, make):
    rows = json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else read_lines(path)
    return [make(row) for row in rows]


# ---- What makes a record of the harness' layout of one of ours ----

def lettered(choices, gold):
    labels = [chr(ord("A") + i) for i in range(len(choices))]
    return {"choices": {"text": choices, "label": labels}, "answerKey": labels[gold]}


def from_arc(row):
    return {"question": row["query"][len("Question: "):], **lettered(row["choices"], row["gold"])}


def from_piqa(row):
    goal = re.fullmatch(r"Question: (.*)\n", row["query"], re.S).group(1)
    return {"goal": goal, "sol1": row["choices"][0], "sol2": row["choices"][1], "label": row["gold"]}


def from_winogrande(row):
    first, second = row["context_options"]
    n = next(i for i in range(len(first), -1, -1) if second.startswith(first[:i]))
    return {"sentence": f"{first[:n]}_ {row['continuation']}", "option1": first[n:], "option2": second[n:],
            "answer": str(row["gold"] + 1)}


def from_boolq(row):
    passage, _, question = row["query"][len("Passage: "):].rpartition("\nQuestion: ")
    return {"passage": passage, "question": question[:-1], "label": row["gold"]}


def from_openbookqa(row):
    return {"question_stem": row["query"], **lettered(row["choices"], row["gold"])}


def from_lambada(row):
    return {"text": f"{row['context']} {row['continuation']}"}


def from_truthfulqa(row):
    return {"question": row["question"], **{key: {"choices": list(row[key]), "labels": list(row[key].values())}
                                            for key in ("mc1_targets", "mc2_targets")}}
