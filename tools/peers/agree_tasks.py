"""What agree_lmeval.py compares: for each set of questions the task, its files and its numbers.

Both programs read the same files; what the harness needs of them in another layout is made here.
"""

import csv
import dataclasses
import pathlib
import sys
import typing

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "golden"))

import harness_tasks as harness  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Questions:
    """Questions of one task, asked with that many examples; the first `limit` of each subset."""

    task: str
    file: str
    limit: int
    shots: int = 0
    from_row: typing.Callable | None = None

    @property
    def name(self):
        """What tables and files call them."""
        return f"{self.task} {self.shots}-shot" if self.shots else self.task


def from_hellaswag(lines):
    """A record of the six lines: context, right ending's number, four endings."""
    label, context = lines[0].split(": ", 1)
    return {"ind": 0, "activity_label": label, "ctx_a": context, "ctx_b": "", "endings": lines[2:],
            "label": lines[1]}


# MMLU has 57 subsets: 2,052 questions as the harness asks them by default, and 570 with the
# examples of the convention, many of which do not fit a context of 1,024 tokens.
QUESTIONS = [
    Questions("mmlu", "mmlu", 36),
    Questions("mmlu", "mmlu", 10, shots=5),
    Questions("arc_easy", "suites/llm_foundry/arc_easy.jsonl", 500, from_row=harness.from_arc),
    Questions("hellaswag", "suites/hellaswag/hellaswag_val_full.txt", 500,
              from_row=from_hellaswag),
    Questions("piqa", "suites/llm_foundry/piqa.jsonl", 500, from_row=harness.from_piqa),
    Questions("winogrande", "suites/llm_foundry/winogrande.jsonl", 500,
              from_row=harness.from_winogrande),
    Questions("boolq", "suites/llm_foundry/boolq.jsonl", 500, from_row=harness.from_boolq),
    Questions("openbookqa", "suites/llm_foundry/openbook_qa.jsonl", 500,
              from_row=harness.from_openbookqa),
    Questions("lambada", "suites/llm_foundry/lambada_openai.jsonl", 500,
              from_row=harness.from_lambada),
]


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
    return harness.read_lines(path)


def subsets(questions, data):
    """The names of the parts that are asked one by one: MMLU's subjects; '' where there is one."""
    if questions.task != "mmlu":
        return [""]
    files = (data / questions.file).glob("test/*_test.csv")
    return sorted(path.name.removesuffix("_test.csv") for path in files)


def make_task(questions, subset, data):
    """The harness' task for these questions."""
    path = data / questions.file
    if subset:
        task = harness.make_task(f"mmlu/default/mmlu_{subset}.yaml",
                                 read_mmlu(path / f"test/{subset}_test.csv"),
                                 read_mmlu(path / f"dev/{subset}_dev.csv"))
    else:
        records = [questions.from_row(row) for row in read_rows(path)[: questions.limit]]
        task = harness.make_task(harness.THEIRS[questions.task], records)
    task.set_config(key="num_fewshot", value=questions.shots)
    task.set_fewshot_seed(seed=harness.SEED)
    return task
