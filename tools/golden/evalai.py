#!/usr/bin/env python3
"""Answers in the form in which EvalAI compares them by lmms-eval's own code, and accuracies over such forms.

    evalai.py LMMS_EVAL ANSWERS.jsonl > tests/golden/evalai.jsonl

LMMS_EVAL is the unpacked wheel (pip download --no-deps lmms-eval; unzip); of it vqa_eval_metric.py alone is run.
ANSWERS are LLaVA's 5,000 answers to TextVQA. Written are 300 odd answers made here from a seed, every hundredth of the
real ones, a SHA-256 over the forms of all of them with a line end behind each, and accuracies over ten people's answers.
"""
import hashlib
import importlib.util
import json
import os
import random
import statistics
import sys

SEED = 17
MODULE = "lmms_eval/tasks/_task_utils/vqa_eval_metric.py"

# What the rules look at: marks, digits of several scripts, number words, articles, contractions whole and broken, white
# space of several kinds, letters that change their length in lower case.
PIECES = [".", "..", ",", "?", "!", ";", "/", "[", "]", '"', "{", "}", "(", ")", "=", "+", "\\", "_", "-", ">", "<", "@",
          "`", "'", "'s", "#", "%", "&", "*", ":", "~", "|", "$", "\u2019", "\u2013", "\u00ab", " ", "  ", "\n", "\t", "\r",
          "\u00a0", "\u3000", "\u2003", "\x1c", "1", "2", "10", "3.5", "1,000", ".5", "5.", "\u0663", ".\u0663", "\u00b2",
          "\u0967", "zero", "One", "TWO", "three", "ten", "eleven", "none", "None", "a", "A", "an", "the", "The", "THE",
          "dont", "Don't", "couldntve", "couldn'tve", "couldnt've", "somebody'd", "somebodyd've", "yall'll", "y'allll",
          "Im", "Ive", "Id've", "lets", "let's", "she's", "oclock", "'ows'at", "twas", "\u0130stanbul", "Stra\u00dfe",
          "\u039f\u03a3", "\u03a3\u0391\u03a3.", "\u00c9cole", "\u6771\u4eac", "\U0001f600", "U.S.A.", "Dr.Pepper", "coca-cola"]


def load(folder):
    spec = importlib.util.spec_from_file_location("metric", os.path.join(folder, MODULE))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EvalAIAnswerProcessor()


def accuracy(normalize, answer, accepted):
    said, forms, scores = normalize(answer), [normalize(text) for text in accepted], []
    for i in range(len(forms)):
        others = forms[:i] + forms[i + 1:]
        scores.append(min(1, float(sum(form == said for form in others)) / 3))
    return statistics.mean(scores)


def put(**members):
    print(json.dumps(members, ensure_ascii=False))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    normalize, rng = load(sys.argv[1]), random.Random(SEED)
    with open(sys.argv[2], encoding="utf-8") as file:
        real = [json.loads(line)["text"] for line in file]
    versions = [name.split("-")[1].removesuffix(".dist") for name in os.listdir(sys.argv[1]) if name.endswith(".dist-info")]
    put(made_by="tools/golden/evalai.py", seed=SEED, python=sys.version.split()[0], lmms_eval=versions)
    odd = PIECES + ["." * 40 + "x", "", " "]
    while len(odd) < 300:
        glue = rng.choice(["", "", " "])
        odd.append(glue.join(rng.choice(PIECES) for _ in range(rng.randint(2, 7))))
    for text in odd[:300] + real[::100]:
        put(text=text, form=normalize(text))
    for _ in range(60):
        words = ["ten", "10", "Ten.", "a ten", "11", "eleven", "dont", "don't"]
        accepted = [rng.choice(words[:rng.randint(1, 8)]) for _ in range(10)]
        answer = rng.choice(words)
        put(answer=answer, accepted=accepted, accuracy=accuracy(normalize, answer, accepted))
    digest = hashlib.sha256("".join(normalize(text) + "\n" for text in real).encode()).hexdigest()
    put(n_real=len(real), sha256=digest)


if __name__ == "__main__":
    main()
