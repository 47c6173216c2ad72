#!/usr/bin/env python3
"""Compares phibench with lm-evaluation-harness: log-likelihoods of every choice, answers, scores.

The same GGUF file of 16-bit floats goes to phibench and, read by transformers as a
Phi3ForCausalLM in float32, to the harness, with its own tasks pointed at local files. Run it with
the Python of an environment that has the packages which docs/agreement.md names; it downloads
nothing. The first questions of each file are asked, in its order, so that nothing is drawn; the
harness' own seed is 1234. What the harness answered is kept under --work, task by task: the same
command goes on where it was interrupted. Prints Markdown, and puts it into --document.

    ENV/bin/python tools/peers/agree_lmeval.py models/medium.gguf --data ../shared/data

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
from agree_tasks import QUESTIONS, harness, make_task, subsets


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path, help="a GGUF file of the architecture phi3")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="has mmlu/ and suites/")
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


def ask_harness(arguments, all_questions, sha256):
    """For each set of questions the records by subset; what is kept is not asked again."""
    kept_path, model = arguments.work / "harness.jsonl", None
    kept = {json.dumps(record["key"]): record for record in read_lines(kept_path)}
    found = {}
    for questions in all_questions:
        records = found.setdefault(questions.name, {})
        limit = min(questions.limit, arguments.limit or questions.limit)
        for subset in subsets(questions, arguments.data):
            key = [sha256, agree_harness.versions(), questions.name, subset, limit]
            record = kept.get(json.dumps(key))
            if not record:
                model = model or agree_harness.open_model(arguments.model, arguments.threads)
                task = make_task(questions, subset, arguments.data)
                record = {"key": key, **agree_harness.ask(model, task, limit)}
                with open(kept_path, "a", encoding="utf-8") as out:
                    print(json.dumps(record), file=out)
            records[subset] = record
    return found


def compare_tokens(arguments, found):
    """How many lines and tokens are the same, and the names of those that are not."""
    n_lines, n_tokens, different = 0, 0, []
    for name, records in found.items():
        for subset, record in records.items():
            n_lines += record["text"].count("\n") + 1
            n_tokens += len(record["ids"])
            ids = agree_phibench.encode(arguments.phibench, arguments.model, record["text"])
            if ids != record["ids"]:
                different.append(f"{name} {subset}".strip())
    return n_lines, n_tokens, different


def heading(arguments, sha256):
    """What was compared, by version and hash."""
    versions = ", ".join(f"{name} {version}" for name, version in agree_harness.versions().items())
    yield f"- {agree_phibench.version(arguments.phibench)}, keys and values in float32"
    yield f"- {versions}; float32, batches of {agree_harness.BATCH}, seed {harness.SEED}"
    yield f"- {arguments.model.name}: SHA-256 `{sha256}`"


def main():
    arguments = parse_arguments()
    arguments.work.mkdir(parents=True, exist_ok=True)
    only = arguments.only.split(",") if arguments.only else [q.task for q in QUESTIONS]
    all_questions = [questions for questions in QUESTIONS if questions.task in only]
    sha256 = hashlib.sha256(arguments.model.read_bytes()).hexdigest()
    ours = agree_phibench.ask(arguments.phibench, arguments.model, all_questions, arguments.data,
                              arguments.limit, arguments.work, arguments.threads)
    theirs = ask_harness(arguments, all_questions, sha256)
    n_lines, n_tokens, different = compare_tokens(arguments, theirs)
    joined = {name: agree_report.join(
        ours[name]["answers"], {subset: record["answers"] for subset, record in records.items()})
        for name, records in theirs.items()}
    lines = [*heading(arguments, sha256),
             f"- {n_lines:,} lines of prompts and choices, {n_tokens:,} tokens: "
             + (f"not the same in {', '.join(different)}" if different else "the same tokens"),
             "", *agree_report.table(joined, {name: ours[name]["scores"] for name in ours}),
             "", *agree_report.list_items(joined)]
    print("\n".join(lines))
    if arguments.document:
        agree_report.put_into(arguments.document, lines)
    return 1 if different or agree_report.unexplained(joined) else 0


if __name__ == "__main__":
    sys.exit(main())
