"""What agree_lmeval.py compares: for each set of questions the task, its files and its numbers.

Both programs read the same files; what the harness needs of them in another layout is made here.
"""

import csv
import dataclasses
import json
import pathlib
import re
import sys
import typing

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "golden"))

import harness_tasks as harness  # noqa: E402


LANGUAGES = "bn de en es fr ja ru sw te th zh".split()


@dataclasses.dataclass(frozen=True)
class Questions:
    """Questions of one task, asked with that many examples; the first `limit` of each subset."""

    task: str
    file: str
    limit: int
    shots: int = 0
    from_row: typing.Callable | None = None
    made: typing.Callable | None = None  # of all rows the records that both programs read
    examples: str = ""
    chat: str = ""  # "chat": examples in the user's one turn; "chat-multiturn": turns of their own
    max_tokens: int = 0  # of an answer, in place of the task's own number

    @property
    def name(self):
        """What tables and files call them."""
        return " ".join([self.task, *([f"{self.shots}-shot"] if self.shots else []),
                         *([self.chat] if self.chat else [])])

    @property
    def protocol(self):
        """What phibench calls the way that they are asked."""
        return f"lm-eval+{self.chat}" if self.chat else "lm-eval"

    @property
    def is_text(self):
        """Whether an answer is written; otherwise choices are scored."""
        return self.task in METRICS

    def split(self, data):
        """The names of the parts that are asked one by one: MMLU's subjects; '' where there is one."""
        if self.task == "mmlu":
            return names_of(data / self.file / "test", "_test.csv")
        if self.task == "bbh":
            return names_of(data / self.file / "bbh", ".json")
        return LANGUAGES if self.task == "mgsm" else [""]


def names_of(folder, ending):
    return sorted(path.name.removesuffix(ending) for path in folder.glob(f"*{ending}"))


# ---- What makes records of rows ----

def from_hellaswag(lines):
    """A record of the six lines: context, right ending's number, four endings."""
    label, context = lines[0].split(": ", 1)
    return {"ind": 0, "activity_label": label, "ctx_a": context, "ctx_b": "", "endings": lines[2:],
            "label": lines[1]}


def from_triviaqa(row):
    return {"question": row["Question"], "answer": {"aliases": row["Answer"]["Aliases"]}}


def lettered_choices(row):
    """The choices of a row of LLM Foundry's, which left the last one of the original out."""
    return re.findall(r"\n[A-E]\. (.*)", row["query"])


def made_siqa(rows):
    """The third answer is the first one of the next question."""
    for row, other in zip(rows, rows[1:] + rows[:1]):
        found = re.fullmatch(r"Context: (.*)\nQuestion: (.*?)\nChoices:\n.*", row["query"], re.S)
        first, second = lettered_choices(row)
        yield {"context": found[1], "question": found[2], "answerA": first, "answerB": second,
               "answerC": lettered_choices(other)[0], "label": str(row["gold"] + 1)}


def made_commonsense_qa(rows):
    """The fifth choice is the first one of the next question."""
    for row, other in zip(rows, rows[1:] + rows[:1]):
        question = re.fullmatch(r"Question: (.*?)\nChoices:\n.*", row["query"], re.S)[1]
        choices = [*lettered_choices(row), lettered_choices(other)[0]]
        yield {"question": question, **harness.lettered(choices, row["gold"])}


FOUNDRY = "suites/llm_foundry"
GSM8K = {"file": "suites/gsm8k/test.jsonl", "examples": "suites/gsm8k/train.jsonl", "from_row": dict}
TRIVIAQA = {"file": "triviaqa/unfiltered-dev.json", "examples": "triviaqa/shots.json",
            "from_row": from_triviaqa}

TRUTHFULQA = {"file": "suites/truthfulqa/mc_task.json", "from_row": harness.from_truthfulqa}
ARC_EASY = {"file": f"{FOUNDRY}/arc_easy.jsonl", "from_row": harness.from_arc}
WINOGRANDE = {"file": f"{FOUNDRY}/winogrande.jsonl", "from_row": harness.from_winogrande}
LAMBADA = {"file": f"{FOUNDRY}/lambada_openai.jsonl", "from_row": harness.from_lambada}

# The parts of the document. MMLU has 57 subsets: 2,052 questions as the harness asks them by
# default, and 570 with the examples of the convention, many of which do not fit a context of 1,024
# tokens. An answer of BIG-Bench Hard may take all of them: it gets fewer here, and MGSM's in eleven
# languages, too.
PARTS = {
    "choices": [
        Questions("mmlu", "mmlu", 36),
        Questions("mmlu", "mmlu", 10, shots=5),
        Questions("arc_easy", **ARC_EASY, limit=500),
        Questions("hellaswag", "suites/hellaswag/hellaswag_val_full.txt", 500,
                  from_row=from_hellaswag),
        Questions("piqa", f"{FOUNDRY}/piqa.jsonl", 500, from_row=harness.from_piqa),
        Questions("winogrande", **WINOGRANDE, limit=500),
        Questions("boolq", f"{FOUNDRY}/boolq.jsonl", 500, from_row=harness.from_boolq),
        Questions("openbookqa", f"{FOUNDRY}/openbook_qa.jsonl", 500,
                  from_row=harness.from_openbookqa),
        Questions("lambada", **LAMBADA, limit=500),
    ],
    "tasks": [
        Questions("commonsense_qa", f"{FOUNDRY}/commonsense_qa.jsonl", 100,
                  made=made_commonsense_qa),
        Questions("siqa", f"{FOUNDRY}/siqa.jsonl", 100, made=made_siqa),
        Questions("truthfulqa_mc1", **TRUTHFULQA, limit=60),
        Questions("truthfulqa_mc2", **TRUTHFULQA, limit=60),
        Questions("gsm8k", **GSM8K, limit=8, shots=5, max_tokens=64),
        Questions("mgsm", "suites/mgsm", 2, max_tokens=64),
        Questions("bbh", "suites/bbh", 1, shots=3, max_tokens=64),
        Questions("triviaqa", **TRIVIAQA, limit=60),
        Questions("triviaqa", **TRIVIAQA, limit=24, shots=5),
    ],
    "chat": [
        Questions("mmlu", "mmlu", 2, chat="chat"),
        Questions("mmlu", "mmlu", 1, shots=3, chat="chat-multiturn"),
        Questions("arc_easy", **ARC_EASY, limit=60, chat="chat"),
        Questions("winogrande", **WINOGRANDE, limit=60, chat="chat"),
        Questions("lambada", **LAMBADA, limit=40, chat="chat"),
        Questions("truthfulqa_mc1", **TRUTHFULQA, limit=20, chat="chat"),
        Questions("gsm8k", **GSM8K, limit=24, chat="chat"),
        Questions("gsm8k", **GSM8K, limit=12, shots=3, chat="chat-multiturn"),
        Questions("bbh", "suites/bbh", 1, shots=3, max_tokens=64, chat="chat-multiturn"),
        Questions("triviaqa", **TRIVIAQA, limit=40, shots=5, chat="chat"),
        Questions("triviaqa", **TRIVIAQA, limit=40, shots=5, chat="chat-multiturn"),
    ],
}
# The harness' score of each filter, by phibench's name.
METRICS = {
    "gsm8k": {"strict-match": "exact_match", "flexible-extract": "flexible"},
    "mgsm": {"remove_whitespace": "exact_match", "flexible-extract": "flexible"},
    "bbh": {"get-answer": "exact_match"},
    "triviaqa": {"remove_whitespace": "em"},
}
# Where the harness' own name of a score of choices is not phibench's.
RENAMED = {"truthfulqa_mc2": {"acc": "mc2"}}


# ---- The harness' tasks ----

def read_mmlu(path):
    """Records of one subject's file."""
    with open(path, encoding="utf-8", newline="") as file:
        return [{"question": row[0], "choices": row[1:5], "answer": "ABCD".index(row[5])}
                for row in csv.reader(file)]


def read_rows(path):
    """The rows of a file: objects of JSON, or six lines each."""
    if path.suffix == ".txt":
        lines = path.read_text(encoding="utf-8").split("\n")
        return [lines[i : i + 6] for i in range(0, len(lines) - 5, 6)]
    if path.suffix == ".json":
        rows = json.loads(path.read_text(encoding="utf-8"))
        return rows["Data"] if isinstance(rows, dict) else rows
    return harness.read_lines(path)


def records_of(questions, file, data):
    rows = read_rows(data / file)
    return list(questions.made(rows)) if questions.made else [questions.from_row(row) for row in rows]


def task_of(questions, subset, data):
    path = data / questions.file
    if questions.task == "mmlu":
        return harness.make_task(f"mmlu/default/mmlu_{subset}.yaml",
                                 read_mmlu(path / f"test/{subset}_test.csv"),
                                 read_mmlu(path / f"dev/{subset}_dev.csv"))
    if questions.task == "bbh":
        return harness.make_task(f"bbh/cot_fewshot/{subset}.yaml",
                                 json.loads((path / f"bbh/{subset}.json").read_text())["examples"])
    if questions.task == "mgsm":
        lines = (path / f"mgsm_{subset}.tsv").read_text(encoding="utf-8").splitlines()
        rows = [line.split("\t") for line in lines]
        return harness.make_task(
            f"mgsm/direct/mgsm_direct_{subset}.yaml",
            [{"question": row[0], "answer": None, "answer_number": row[1]} for row in rows])
    records = records_of(questions, questions.file, data)[: questions.limit]
    pool = records_of(questions, questions.examples, data) if questions.examples else None
    theirs = {**harness.THEIRS, "triviaqa": "triviaqa/default.yaml"}
    return harness.make_task(theirs[questions.task], records, pool)


def make_task(questions, subset, data):
    """The harness' task for these questions."""
    task = task_of(questions, subset, data)
    task.set_config(key="num_fewshot", value=questions.shots)
    task.set_fewshot_seed(seed=harness.SEED)
    if questions.max_tokens:
        task.set_config(key="generation_kwargs", value={"max_gen_toks": questions.max_tokens},
                        update=True)
    return task
