#!/usr/bin/env python3
"""Writes what lm-evaluation-harness asks and how it grades, to compare the tasks of suites/tasks with.

    python3 tools/golden/task_prompts.py tests/golden/tasks [DATA]

The folder has small data files, made up for this, in the layout of the Hugging Face data sets. The
harness' own tasks make contexts and continuations of them, which go to prompts.jsonl as they are; and they
grade answers of our own to them, log-likelihoods and texts, which go to grades.jsonl with the scores. DATA
is a folder of real data sets, the `suites` that tests/support/test_data.h finds: what the tasks make of
those goes to hashes.tsv, as hashes only. Nothing is downloaded. Needs the package `lm-eval`, whose version
is in the first line of both files; the only random numbers are its own, seeded as its evaluator does.

Where the questions are their own pool of examples, the harness shows some of them to themselves, which we do
not: such lines of prompts.jsonl say "own", and hashes leave them out.

A hash is SHA-256 over the requests in order: for each continuation the context, 0x1f, the continuation,
0x1e; for a generation the context, 0x1f, each stop with 0x1d behind it, 0x1e.
"""
import hashlib
import importlib.metadata
import json
import logging
import pathlib
import random
import re
import string
import sys

from lm_eval.api.instance import Instance

import harness_tasks as harness
from harness_tasks import SEED, THEIRS, make_task, read_lines, read_records

# Our task: the small file, numbers of shots.
SMALL = {
    "arc_easy": ("arc_easy", (0, 1, 2)),
    "arc_challenge": ("arc_easy", (0,)),
    "hellaswag": ("hellaswag", (0, 2)),
    "piqa": ("piqa", (0, 1)),
    "winogrande": ("winogrande", (0, 2)),
    "boolq": ("boolq", (0, 1)),
    "openbookqa": ("openbookqa", (0, 1)),
    "commonsense_qa": ("commonsense_qa", (0, 1)),
    "siqa": ("siqa", (0, 1)),
    "truthfulqa_mc1": ("truthfulqa", (0,)),
    "truthfulqa_mc2": ("truthfulqa", (0,)),
    "lambada": ("lambada", (0,)),
    "gsm8k": ("gsm8k", (0, 2)),
}
LANGUAGES = "bn de en es fr ja ru sw te th zh".split()
MGSM = {"lm-eval": "direct/mgsm_direct", "native-cot": "native_cot/mgsm_native_cot",
        "en-cot": "en_cot/mgsm_en_cot"}


def words(text):
    return " ".join(text.split())


def reads(task, doc):
    """The words of a question, of its choices (None: it has none) and of its answer."""
    choices = task.doc_to_choice(doc) if task.config.doc_to_choice else None
    target = task.doc_to_target(doc)
    if task.multiple_input:
        return " ".join(map(words, choices)), [words(target)], words(target)
    answer = choices[target] if choices and isinstance(target, int) else target
    return words(task.doc_to_text(doc)), choices and [*map(words, choices)], words(str(answer))


class Reader:
    """Remembers what documents read like, which the harness makes anew each time."""

    def __init__(self, task):
        self.task, self.known = task, {}

    def reads(self, doc):
        key = json.dumps(doc, sort_keys=True)
        if key not in self.known:
            self.known[key] = reads(self.task, doc)
        return self.known[key]

    def is_example(self, doc, example):
        """Whether the example reads like the document, and answers it."""
        (text, choices, _), (other, _, answer) = self.reads(doc), self.reads(example)
        return text == other and (choices is None or answer in choices)


class Watch:
    """A sampler that remembers what it drew last."""

    def __init__(self, sampler):
        self.sampler, self.drawn = sampler, []

    def __getattr__(self, name):
        return getattr(self.sampler, name)

    def sample(self, *args, **kwargs):
        self.drawn = self.sampler.sample(*args, **kwargs)
        return self.drawn


def requests(task, n_shots, **chat):
    """For each document the list of (context, continuation), or of (context, stops), and whether it was one of
    its own examples; chat: what the harness is told where it asks in a chat."""
    task.set_config(key="num_fewshot", value=n_shots)
    task.set_fewshot_seed(seed=SEED)
    reader = Reader(task)
    if n_shots and not isinstance(task.sampler, Watch):
        task.sampler = Watch(task.sampler)
    for doc in task.eval_docs:
        context = task.fewshot_context(doc, num_fewshot=n_shots, gen_prefix=task.doc_to_prefix(doc), **chat)
        made = task.construct_requests(doc, context, apply_chat_template=bool(chat))
        made = made if isinstance(made, list) else [made]
        drawn = task.sampler.drawn if n_shots and isinstance(task.sampler, Watch) else []
        yield [(one.args[0], one.args[1]["until"] if isinstance(one.args[1], dict) else one.args[1])
               for one in made], any(reader.is_example(doc, example) for example in drawn)


def hash_of(items):
    digest, n = hashlib.sha256(), 0
    for item, is_own in items:
        if is_own:
            continue
        n += 1
        for context, rest in item:
            behind = rest if isinstance(rest, str) else "".join(stop + "\x1d" for stop in rest)
            digest.update(f"{context}\x1f{behind}\x1e".encode())
    return n, digest.hexdigest()


def write_small(folder, out):
    for ours, (file, shots) in SMALL.items():
        task = make_task(THEIRS[ours], read_lines(folder / f"{file}.jsonl"))
        for n_shots in shots:
            for i, (item, is_own) in enumerate(requests(task, n_shots)):
                out.write(json.dumps({"task": ours, "protocol": "lm-eval", "file": f"{file}.jsonl",
                                      "shots": n_shots, "item": i, "requests": item}
                                     | ({"own": True} if is_own else {})) + "\n")


# ---- Grades ----

# Ours: theirs, the small file; the text or the answer that each document of it expects is the harness'.
WRITTEN = {
    ("gsm8k", "lm-eval"): ("gsm8k/gsm8k.yaml", "gsm8k"),
    ("mgsm", "lm-eval"): ("mgsm/direct/mgsm_direct_de.yaml", "mgsm"),
    ("mgsm", "native-cot"): ("mgsm/native_cot/mgsm_native_cot_de.yaml", "mgsm"),
    ("bbh", "lm-eval"): ("bbh/cot_fewshot/web_of_lies.yaml", "bbh"),
}
TEXTS = ["", "36", " 36 ", "36.", "#### 36", "It is 12*3 = 36.\n#### 36", "#### 36.\n#### 7", "#### $36", "####36",
         "#### 1,540", "#### 1540.", "The sum is $1,540.", "-36", "#### -36", "36 or 37", "3,6", "#### 3 6",
         "Die Antwort lautet 36.", "Die Antwort lautet 1,540 und 36", "Die Antwort lautet 36 Fische. Nein, 5.",
         "five", "#### five", "5 5", "So the answer is Yes.", "so the answer is No", "the answer is Yes",
         "the answer is Yes.\nthe answer is No.", "So the answer is (A).", "the answer is .", "36\n", "3\u0666",
         "\u00bd 36", "$", "- 36", "36-", "..", "The answer is 36."]
SCORES = {"exact_match": "exact_match", "strict-match": "exact_match", "remove_whitespace": "exact_match",
          "get-answer": "exact_match", "flexible-extract": "flexible"}


def grade_text(task, doc, text):
    """The harness' score of a text for each of its filters, by our name."""
    one = Instance(request_type="generate_until", doc=doc, arguments=("", {}), idx=0,
                   metadata=("", 0, 1))
    one.resps = [text]
    task._instances = [one]
    task.apply_filters()
    return {SCORES[name]: task.process_results(doc, [kept])["exact_match"]
            for name, kept in one.filtered_resps.items()}


def expected_of(task, doc):
    """The target, after what the harness' metric takes away from both sides."""
    target, metric = task.doc_to_target(doc), task.config.metric_list[0]
    for pattern in metric.get("regexes_to_ignore") or []:
        target = re.sub(pattern, "", target)
    if metric.get("ignore_case"):
        target = target.lower()
    return target.translate(str.maketrans("", "", string.punctuation)) if metric.get("ignore_punctuation") else target


def write_grades(folder, out):
    for (ours, protocol), (theirs, file) in WRITTEN.items():
        task = make_task(theirs, read_lines(folder / f"{file}.jsonl"))
        for doc in task.eval_docs:
            for text in TEXTS:
                scores = {name: float(score) for name, score in grade_text(task, doc, text).items()}
                out.write(json.dumps({"task": ours, "protocol": protocol, "expected": expected_of(task, doc),
                                      "text": text, "scores": scores}) + "\n")
    rng = random.Random(SEED)
    for ours in ("arc_easy", "hellaswag", "winogrande", "boolq", "truthfulqa_mc1", "truthfulqa_mc2"):
        file, _ = SMALL[ours]
        records = [row for row in read_lines(folder / f"{file}.jsonl") if "" not in row.get("endings", [])]
        task = make_task(THEIRS[ours], records)
        for i, doc in enumerate(task.eval_docs):
            for _ in range(8):
                n = len(task.doc_to_choice(doc))
                logprobs = [round(-rng.expovariate(0.1), 2) for _ in range(n)]
                scores = task.process_results(doc, [(value, False) for value in logprobs])
                if ours == "truthfulqa_mc2":
                    scores = {"mc2": scores["acc"]}
                out.write(json.dumps({"task": ours, "protocol": "lm-eval", "file": f"{file}.jsonl",
                                      "key": doc_line(folder / f"{file}.jsonl", records[i]), "logprobs": logprobs,
                                      "scores": {name: float(score) for name, score in scores.items()}}) + "\n")


def doc_line(path, record):
    return read_lines(path).index(record) + 1


# ---- The real data sets ----

# Our task: the file, what makes a record of it, numbers of shots, the file of examples.
REAL = [
    ("arc_easy", "llm_foundry/arc_easy.jsonl", harness.from_arc, (0, 10), None),
    ("arc_challenge", "llm_foundry/arc_challenge.jsonl", harness.from_arc, (0, 25), None),
    ("piqa", "llm_foundry/piqa.jsonl", harness.from_piqa, (0, 5), None),
    ("winogrande", "llm_foundry/winogrande.jsonl", harness.from_winogrande, (0, 5), None),
    ("boolq", "llm_foundry/boolq.jsonl", harness.from_boolq, (0, 2), None),
    ("openbookqa", "llm_foundry/openbook_qa.jsonl", harness.from_openbookqa, (0, 10), None),
    ("truthfulqa_mc1", "truthfulqa/mc_task.json", harness.from_truthfulqa, (0,), None),
    ("truthfulqa_mc2", "truthfulqa/mc_task.json", harness.from_truthfulqa, (0,), None),
    ("lambada", "llm_foundry/lambada_openai.jsonl", harness.from_lambada, (0,), None),
    ("gsm8k", "gsm8k/test.jsonl", dict, (0, 5), "gsm8k/train.jsonl"),
]


def put(out, *fields):
    print(*fields, sep="\t", file=out)


def write_real(data, out):
    put(out, "task", "protocol", "file", "examples", "shots", "items", "sha256")
    for ours, file, make, shots, examples in REAL:
        pool = read_records(data / examples, make) if examples else None
        task = make_task(THEIRS[ours], read_records(data / file, make), pool)
        for n_shots in shots:
            put(out, ours, "lm-eval", file, (examples or file) if n_shots else "-", n_shots,
                *hash_of(requests(task, n_shots)))
    for protocol, theirs in MGSM.items():
        items = []
        for language in LANGUAGES:
            lines = (data / f"mgsm/mgsm_{language}.tsv").read_text(encoding="utf-8").splitlines()
            rows = [line.split("\t") for line in lines]
            task = make_task(f"mgsm/{theirs}_{language}.yaml",
                             [{"question": row[0], "answer": None, "answer_number": row[1]} for row in rows])
            items += requests(task, 0)
        put(out, "mgsm", protocol, "mgsm", "-", 0, *hash_of(items))
    items = []
    for path in sorted((data / "bbh/bbh").glob("*.json")):
        rows = json.loads(path.read_text(encoding="utf-8"))["examples"]
        items += requests(make_task(f"bbh/cot_fewshot/{path.stem}.yaml", rows), 3)
    put(out, "bbh", "lm-eval", "bbh", "-", 3, *hash_of(items))


def main():
    logging.disable(logging.WARNING)
    folder = pathlib.Path(sys.argv[1])
    made_by = f"tools/golden/task_prompts.py, lm-eval {importlib.metadata.version('lm-eval')}"
    with open(folder / "prompts.jsonl", "w", encoding="utf-8") as out:
        out.write(json.dumps({"made_by": made_by}) + "\n")
        write_small(folder, out)
    with open(folder / "grades.jsonl", "w", encoding="utf-8") as out:
        out.write(json.dumps({"made_by": made_by}) + "\n")
        write_grades(folder, out)
    if len(sys.argv) > 2:
        with open(folder / "hashes.tsv", "w", encoding="utf-8") as out:
            out.write(f"# {made_by}\n")
            write_real(pathlib.Path(sys.argv[2]), out)


if __name__ == "__main__":
    main()
