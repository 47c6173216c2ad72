#!/usr/bin/env python3
"""Writes what lm-evaluation-harness asks in a chat, to compare our suites with.

    python3 tools/golden/chat_prompts.py tests/golden/chat [DATA]

As task_prompts.py, with --apply_chat_template, and with and without --fewshot_as_multiturn. In the place of a
model's template stands one that writes every message as its role, a line feed, its text and 0x1c: so a context
says which messages there are, and nothing of any model. Small files are tests/golden/tasks and models/world,
of which the first two questions are kept in prompts.jsonl; of real data sets, in the folder DATA that has `suites`
and `triviaqa`, hashes.tsv has hashes. Nothing is downloaded. Needs the package `lm-eval`; its random numbers are
seeded as its evaluator does.
"""
import csv
import importlib.metadata
import json
import logging
import pathlib
import sys

import harness_tasks as harness
from harness_tasks import THEIRS, make_task, read_lines, read_records
from task_prompts import LANGUAGES, REAL, SMALL, hash_of, put, requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
N_KEPT = 2
MOST_SHOTS = 5  # of real data: more take the harness long and show nothing else
SYSTEM = "Answer as briefly as you can."


def write_messages(messages, add_generation_prompt):
    """What the harness takes for the model's template."""
    assert add_generation_prompt
    return "".join(f"{message['role']}\n{message['content']}\x1c" for message in messages)


def ask(task, n_shots, is_multiturn, system=None):
    return requests(task, n_shots, system_instruction=system, apply_chat_template=True,
                    fewshot_as_multiturn=is_multiturn, chat_template=write_messages)


def ways(n_shots):
    """Without examples both are the same."""
    return (False, True) if n_shots else (False,)


# ---- Small files ----

def read_mmlu(path):
    with open(path, encoding="utf-8", newline="") as file:
        return [{"question": row[0], "choices": row[1:5], "answer": "ABCD".index(row[5])} for row in csv.reader(file)]


def mmlu_task(folder, subject):
    return make_task(f"mmlu/default/mmlu_{subject}.yaml", read_mmlu(folder / f"test/{subject}_test.csv"),
                     read_mmlu(folder / f"dev/{subject}_dev.csv"))


def trivia_record(row):
    return {"question": row["Question"], "answer": {"aliases": row["Answer"]["Aliases"]}}


def trivia_task(dev, train):
    records = [[trivia_record(row) for row in json.loads(path.read_text(encoding="utf-8"))["Data"]]
               for path in (dev, train)]
    return make_task("triviaqa/default.yaml", *records)


def small_tasks():
    """Our task, its file, that of examples, the subset, the harness' task, numbers of examples."""
    folder = "tests/golden/tasks"
    for ours, (file, shots) in SMALL.items():
        path = f"{folder}/{file}.jsonl"
        yield ours, path, path, "", make_task(THEIRS[ours], read_lines(ROOT / path)), shots
    world = "models/world"
    yield ("mmlu", f"{world}/mmlu", None, "college_chemistry", mmlu_task(ROOT / world / "mmlu", "college_chemistry"),
           (0, 3))
    dev, train = f"{world}/triviaqa/dev.json", f"{world}/triviaqa/train.json"
    yield "triviaqa", dev, train, "", trivia_task(ROOT / dev, ROOT / train), (0, 2)


def write_small(out):
    for ours, file, examples, subset, task, shots in small_tasks():
        for n_shots in shots:
            for is_multiturn in ways(n_shots):
                for system in (None, SYSTEM) if ours in ("mmlu", "gsm8k") else (None,):
                    for i, (item, is_own) in zip(range(N_KEPT), ask(task, n_shots, is_multiturn, system)):
                        out.write(json.dumps({
                            "task": ours, "file": file, "examples": examples, "subset": subset, "shots": n_shots,
                            "multiturn": is_multiturn, "system": system, "item": i, "requests": item}
                            | ({"own": True} if is_own else {})) + "\n")


# ---- The real data sets ----

def real_tasks(data):
    """Our task, its protocol, file and that of examples, numbers of examples, and the harness' tasks."""
    suites = data / "suites"
    for ours, file, make, shots, examples in REAL:
        pool = read_records(suites / examples, make) if examples else None
        yield (ours, "lm-eval", f"suites/{file}", f"suites/{examples or file}",
               [n_shots for n_shots in shots if n_shots <= MOST_SHOTS],
               [make_task(THEIRS[ours], read_records(suites / file, make), pool)])
    languages = []
    for language in LANGUAGES:
        rows = [line.split("\t") for line in
                (suites / f"mgsm/mgsm_{language}.tsv").read_text(encoding="utf-8").splitlines()]
        languages.append(make_task(f"mgsm/direct/mgsm_direct_{language}.yaml",
                                   [{"question": row[0], "answer": None, "answer_number": row[1]} for row in rows]))
    yield "mgsm", "lm-eval", "suites/mgsm", "-", (0,), languages
    yield "bbh", "lm-eval", "suites/bbh", "-", (3,), [
        make_task(f"bbh/cot_fewshot/{path.stem}.yaml", json.loads(path.read_text(encoding="utf-8"))["examples"])
        for path in sorted((suites / "bbh/bbh").glob("*.json"))]
    yield ("triviaqa", "lm-eval", "triviaqa/unfiltered-dev.json", "triviaqa/shots.json", (0, 5),
           [trivia_task(data / "triviaqa/unfiltered-dev.json", data / "triviaqa/shots.json")])
    names = sorted(path.name.removesuffix("_test.csv") for path in (data / "mmlu/test").glob("*_test.csv"))
    yield "mmlu", "lm-eval", "mmlu", "-", (0, 5), [mmlu_task(data / "mmlu", name) for name in names]


def write_real(data, out):
    put(out, "task", "protocol", "file", "examples", "shots", "multiturn", "items", "sha256")
    for ours, protocol, file, examples, shots, tasks in real_tasks(data):
        for n_shots in shots:
            for is_multiturn in ways(n_shots):
                items = [item for task in tasks for item in ask(task, n_shots, is_multiturn)]
                put(out, ours, protocol, file, examples if n_shots else "-", n_shots,
                    "yes" if is_multiturn else "no", *hash_of(items))
                out.flush()


def main():
    logging.disable(logging.WARNING)
    folder = pathlib.Path(sys.argv[1])
    made_by = f"tools/golden/chat_prompts.py, lm-eval {importlib.metadata.version('lm-eval')}"
    with open(folder / "prompts.jsonl", "w", encoding="utf-8") as out:
        out.write(json.dumps({"made_by": made_by}) + "\n")
        write_small(out)
    if len(sys.argv) > 2:
        with open(folder / "hashes.tsv", "w", encoding="utf-8") as out:
            out.write(f"# {made_by}\n")
            write_real(pathlib.Path(sys.argv[2]), out)


main()
