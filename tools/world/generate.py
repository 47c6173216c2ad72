#!/usr/bin/env python3
"""Makes the evaluation data of the archipelago, checks them, or writes training text.

    generate.py write FOLDER              the files of models/world
    generate.py verify FOLDER             compares the files there with what the generator makes
    generate.py check                     baselines and leaks; fails if one is above its limit
    generate.py train [--bytes N]         training text to standard output
    generate.py facts                     every fact with its expected share of what is told

--seed and --scale choose another world; the shipped one is of seed 1 and scale 1. Needs Python 3.9
and its standard library only. The same seed gives the same bytes: `write` prints their SHA-256.
"""

import argparse
import hashlib
import json
import pathlib
import sys

import chat
import check
import prose
import questions
import trivia
from facts import World
from stream import Stream, text_of

SIZES = {"test": 120, "val": 15, "dev": 5}
HELD_OUT_BYTES, CALIBRATION_BYTES = 150_000, 60_000


def make_splits(world):
    """{split: {subject: [questions]}}; the splits of a subject have no question in common."""
    made = {
        subject: questions.make_subject(world, subject, SIZES)
        for subject in questions.subjects_of(world)
    }
    return {split: {subject: splits[split] for subject, splits in made.items()} for split in SIZES}


def make_files(world):
    """All evaluation data: {path: text}."""
    files = {}
    for split, subjects in make_splits(world).items():
        for subject, asked in subjects.items():
            files[f"mmlu/{split}/{subject}_{split}.csv"] = questions.to_csv(asked)
    files.update(trivia.make_trivia(world))
    files.update(chat.make_mt_bench(world))
    files["text/heldout.txt"] = prose.articles(world, world.rng("heldout"), HELD_OUT_BYTES)
    calibration = Stream(world, "calibration").documents()
    parts, size = [], 0
    while size < CALIBRATION_BYTES:
        parts.append(text_of(next(calibration)))
        size += len(parts[-1])
    files["text/calibration.txt"] = "".join(parts)
    return files


def hash_of(files):
    """One SHA-256 over all names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(files):
        data = files[path].encode()
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def write(world, folder):
    """Writes the evaluation data and prints their hash."""
    files = make_files(world)
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    n_bytes = sum(len(text.encode()) for text in files.values())
    print(f"{len(files)} files, {n_bytes} bytes, sha256 {hash_of(files)}")


def verify(world, folder):
    """Complaints about files of a folder that are not what the generator makes."""
    files = make_files(world)
    roots = {path.split("/")[0] for path in files}
    there = {
        str(p.relative_to(folder))
        for root in roots
        for p in (folder / root).rglob("*")
        if p.is_file()
    }
    complaints = [f"{path} is missing" for path in sorted(files.keys() - there)]
    complaints += [f"{path} is not of the generator" for path in sorted(there - files.keys())]
    complaints += [
        f"{path} differs from what the generator makes"
        for path in sorted(files.keys() & there)
        if (folder / path).read_bytes() != files[path].encode()
    ]
    if not complaints:
        print(f"{len(files)} files are as the generator makes them, sha256 {hash_of(files)}")
    return complaints


def check_all(world):
    """Prints the baselines; complaints about those above the limit and about leaks."""
    splits = make_splits(world)
    tests = [q for asked in splits["test"].values() for q in asked]
    print(f"{len(tests)} test questions of {len(splits['test'])} subjects")
    complaints = check.check_wordings(world)
    for name, percent, is_limited in check.run_baselines(world, tests):
        print(f"{percent:5.1f}%  {name}")
        if is_limited and percent > check.LIMIT:
            complaints.append(f"the baseline {name} has {percent:.1f}%, more than {check.LIMIT}%")
    evaluation = [q for subjects in splits.values() for asked in subjects.values() for q in asked]
    asked = [
        record["Question"]
        for name in ("dev", "train")
        for record in json.loads(trivia.make_trivia(world)[f"triviaqa/{name}.json"])["Data"]
    ]
    tasks = chat.make_mt_bench(world)["mt_bench/question.jsonl"].splitlines()
    turns = [turn for task in tasks for turn in json.loads(task)["turns"]]
    stream = Stream(world)
    lessons = (document for document, _ in stream.lessons())
    text = "".join(map(check.read_training, (lessons, stream.documents())))
    leaks = check.check_leaks([q.text for q in evaluation] + asked + turns, text)
    print(
        f"{len(evaluation)} questions, {len(asked)} trivia questions and {len(turns)} turns: "
        f"{len(leaks)} of them in {len(text)} characters of training"
    )
    return complaints + leaks + check.check_hidden(world, text)


def train(world, n_bytes):
    """Training text up to a number of bytes."""
    for document, _ in Stream(world).training():
        text = text_of(document) + "\n"
        n_bytes -= len(text.encode())
        if n_bytes < 0:
            break
        sys.stdout.write(text)


def print_facts(world):
    """Every fact: share of what is told (in millionths), subject, statement."""
    total = sum(world.weight_of.values())
    for fact in sorted(world.facts, key=world.weight_of.get, reverse=True):
        share, said = 1e6 * world.weight_of[fact] / total, fact.word(fact.relation.says[0])
        print(f"{share:.0f}	{fact.relation.subject}	{said}")


def main():
    """Runs the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("write", "verify"):
        commands.add_parser(name).add_argument("folder", type=pathlib.Path)
    commands.add_parser("check")
    commands.add_parser("facts")
    commands.add_parser("train").add_argument("--bytes", type=int, default=50_000_000)
    options = parser.parse_args()
    world = World(options.seed, options.scale)
    complaints = []
    if options.command == "write":
        write(world, options.folder)
    elif options.command == "verify":
        complaints = verify(world, options.folder)
    elif options.command == "check":
        complaints = check_all(world)
    elif options.command == "facts":
        print_facts(world)
    else:
        train(world, options.bytes)
    for complaint in complaints:
        print(f"generate.py: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
