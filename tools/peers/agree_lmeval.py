#!/usr/bin/env python3
"""Compares phibench with lm-evaluation-harness: log-likelihoods of every choice, answers, scores.

The same GGUF file of 16-bit floats goes to phibench and, read by transformers as a
Phi3ForCausalLM in float32, to the harness, with its own tasks pointed at local files. Run it with
the Python of an environment that has the packages which docs/agreement.md names; it downloads
nothing. The first questions of each file are asked, in its order, so that nothing is drawn; the
harness' own seed is 1234. What the harness answered is kept under --work, task by task: the same
command goes on where it was interrupted. Prints Markdown, and puts it into --document. The questions are in three
parts: choices that are scored, further tasks (those that have texts written among them), and
questions that are asked in the model's chat format.

    ENV/bin/python tools/peers/agree_lmeval.py models/medium.gguf --data ../shared/data --part chat

Exit 1 where tokens are not the same, or where a difference is not explained.
"""

import argparse
import hashlib
import json
import pathlib
import sys

import agree_harness
import agree_phibench
import agree_report
import agree_texts
from agree_tasks import METRICS, PARTS, RENAMED, harness, make_task


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path, help="a GGUF file of the architecture phi3")
    parser.add_argument("--data", type=pathlib.Path, required=True,
                        help="has mmlu/, suites/ and triviaqa/")
    parser.add_argument("--part", choices=PARTS, default="choices")
    parser.add_argument("--phibench", default="build/release/phibench")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/agreement"))
    parser.add_argument("--document", type=pathlib.Path, help="a file with marks for the tables")
    parser.add_argument("--only", default="", metavar="NAME,...", help="these tasks (all)")
    parser.add_argument("--limit", type=int, help="questions of a subset at most")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def read_lines(path):
    if not path.exists():
        return []
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def names_of_scores(questions):
    """phibench's, by the harness'."""
    return METRICS.get(questions.task) or RENAMED.get(questions.task, {})


def ask_harness(arguments, all_questions, sha256):
    """For each set of questions the records by subset; what is kept is not asked again."""
    kept_path, model = arguments.work / "harness.jsonl", None
    kept = {json.dumps(record["key"]): record for record in read_lines(kept_path)}
    found = {}
    for questions in all_questions:
        records = found.setdefault(questions.name, {})
        limit = min(questions.limit, arguments.limit or questions.limit)
        for subset in questions.split(arguments.data):
            key = [sha256, agree_harness.versions(), questions.name, subset, limit]
            record = kept.get(json.dumps(key))
            if not record:
                model = model or agree_harness.open_model(arguments.model, arguments.threads)
                task = make_task(questions, subset, arguments.data)
                record = {"key": key, **agree_harness.ask(model, task, limit, questions.chat,
                                                          names_of_scores(questions))}
                with open(kept_path, "a", encoding="utf-8") as out:
                    print(json.dumps(record), file=out)
            records[subset] = record
    return found


def compare_tokens(arguments, all_questions, found):
    """How many lines and tokens are the same, and the names of those that are not."""
    n_lines, n_tokens, different = 0, 0, []
    for questions in all_questions:
        for subset, record in found[questions.name].items():
            n_lines += record["text"].count("\n") + 1
            n_tokens += len(record["ids"])
            ids = agree_phibench.encode(arguments.phibench, arguments.model, record["text"],
                                        bool(questions.chat))
            if ids != record["ids"]:
                different.append(f"{questions.name} {subset}".strip())
    return n_lines, n_tokens, different


def join(all_questions, ours, theirs, report):
    """The items of the sets of questions that the report is for."""
    return {questions.name: report.join(
        ours[questions.name]["answers"],
        {subset: record["answers"] for subset, record in theirs[questions.name].items()})
        for questions in all_questions}


def heading(arguments, sha256):
    """What was compared, by version and hash."""
    versions = ", ".join(f"{name} {version}" for name, version in agree_harness.versions().items())
    yield f"- {agree_phibench.version(arguments.phibench)}, keys and values in float32"
    yield f"- {versions}; float32, batches of {agree_harness.BATCH}, seed {harness.SEED}"
    yield f"- {arguments.model.name}: SHA-256 `{sha256}`"


def main():
    arguments = parse_arguments()
    arguments.work.mkdir(parents=True, exist_ok=True)
    only = arguments.only.split(",")
    all_questions = [questions for questions in PARTS[arguments.part]
                     if not arguments.only or questions.task in only]
    sha256 = hashlib.sha256(arguments.model.read_bytes()).hexdigest()
    ours = agree_phibench.ask(arguments.phibench, arguments.model, all_questions, arguments.data,
                              arguments.limit, arguments.work, arguments.threads)
    theirs = ask_harness(arguments, all_questions, sha256)
    n_lines, n_tokens, different = compare_tokens(arguments, all_questions, theirs)
    choices = join([q for q in all_questions if not q.is_text], ours, theirs, agree_report)
    texts = join([q for q in all_questions if q.is_text], ours, theirs, agree_texts)
    scores = {name: ours[name]["scores"] for name in ours}
    lines = [*heading(arguments, sha256),
             f"- {n_lines:,} lines of prompts and choices, {n_tokens:,} tokens: "
             + (f"not the same in {', '.join(different)}" if different else "the same tokens")]
    for report, joined in ((agree_report, choices), (agree_texts, texts)):
        if joined:
            lines += ["", *report.table(joined, scores), "", *report.list_items(joined)]
    print("\n".join(lines))
    if arguments.document:
        agree_report.put_into(arguments.document, arguments.part, lines)
    unexplained = [*agree_report.unexplained(choices), *agree_texts.unexplained(texts)]
    return 1 if different or unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
