#!/usr/bin/env python3
"""Writes configs/published/*.tsv from a collection of published numbers.

    make_tables.py COLLECTION.tsv configs/published

The collection has the columns model, params_b, benchmark, shots, score, metric, source. What is added here is what a
comparison needs: the suite and metric of phibench that measure the same, the protocol that the source used, as far as
it is known, and the score in the suite's unit. Numbers, shots and sources stay as they are; nothing is averaged or
left out.
"""
import csv
import decimal
import os
import re
import sys

COLUMNS = ["model", "params_b", "benchmark", "suite", "metric", "protocol", "shots", "score", "unit", "remark",
           "source"]
HEAD = "# Published numbers, each with its source; made by tools/published/make_tables.py. Empty: not known.\n"

# Suite and metric of phibench that measure what benchmarks of these names do.
SUITES = {
    ("mmlu", "acc"): ["MMLU"],
    ("mmlu", "acc_norm"): ["MMLU (cloze)"],
    ("triviaqa", "em"): ["TriviaQA"],
    ("mt_bench", "points"): ["MT-Bench"],
    ("hellaswag", "acc"): ["HellaSwag"],
    ("winogrande", "acc"): ["WinoGrande", "Winogrande"],
    ("piqa", "acc"): ["PIQA"],
    ("openbookqa", "acc"): ["OpenBookQA"],
    ("boolq", "acc"): ["BoolQ"],
    ("truthfulqa_mc2", "mc2"): ["TruthfulQA (MC2)"],
    ("siqa", "acc"): ["Social IQA", "SociQA"],
    ("arc_challenge", "acc"): ["ARC Challenge", "Arc-C", "ARC-C", "ARC-Challenge"],
    ("arc_easy", "acc"): ["ARC Easy", "Arc-E", "ARC-E", "ARC-Easy"],
    ("commonsense_qa", "acc"): ["CommonsenseQA", "CommonSenseQA"],
    ("gsm8k", "exact_match"): ["GSM8K", "GSM-8K", "GSM8K Chain of Thought"],
    ("bbh", "exact_match"): ["BigBench Hard", "BigBench-Hard", "BigBench Hard CoT", "BBH"],
    ("mgsm", "exact_match"): ["MGSM"],
    ("scienceqa", "acc_image"): ["ScienceQA", "ScienceQA (img-test)", "ScienceQA (image)"],
    ("textvqa", "acc"): ["TextVQA", "TextVQA (val)"],
    ("pope", "acc"): ["POPE", "POPE (test)"],
}
MEASURES = {name: measure for measure, names in SUITES.items() for name in names}


# What a throughput was measured of, and on what: "decode 256 after 16, 4 together on A100-80GB". Only rates of reading
# a prompt or of writing alone.
SPEEDS = [
    (r"decode throughput (.*), batch,(?:prompt|seq)=1, (\d+)", r"decode 256 after \2 on \1"),
    (r"decode throughput (.*), batch,(?:prompt|seq)=(\d+), (\d+)", r"decode 256 after \3, \2 together on \1"),
    (r"prompt processing @(\d+)", r"prefill \1 on a machine that is not stated"),
    (r"text generation @(\d+)", r"decode \1 on a machine that is not stated"),
    (r"(.*), offline", r"decode on \1"),
    (r"(prefill|decode) (\d+) \(.*\)", r"\1 \2 on a machine that is not stated"),
    (r"decode \(.*\)", r"decode on a machine that is not stated"),
    (r"pp(\d+)", r"prefill \1 on a CPU that is not stated"),
    (r"tg(\d+)", r"decode \1 on a CPU that is not stated"),
]


# What SmolLM's authors ask with lighteval (text/evaluation/tasks.py of huggingface/smollm) in other words than
# lm-evaluation-harness; of ARC, PIQA, OpenBookQA and GSM8K prompts and verdicts are the same.
LIGHTEVAL_SUITES = ("hellaswag", "mmlu", "bbh", "commonsense_qa", "winogrande", "triviaqa")
HARNESS_SUITES = ("arc_easy", "arc_challenge", "piqa", "openbookqa", "gsm8k")


VISION_SUITES = ("scienceqa", "textvqa", "pope")


def vision_protocol_of(row, suite):
    """The Phi-3 report names LLaVA-1.5's setting, and the processors of its models cut a picture into 16 parts unless
    they are told otherwise. LLaVA showed the tokens of an OCR in TextVQA, of which the report says nothing; nor does it say
    whether POPE is F1 or accuracy. Whoever reproduced the numbers by lmms-eval did so without these tokens, its default."""
    if "lmms-eval" in row["source"]:
        return "lmms-eval-16-crops"
    is_phi = re.match(r"Phi-3(.5)?-vision", row["model"])
    return "llava-16-crops" if is_phi and suite == "scienceqa" else ""


def speed_of(row):
    for pattern, meaning in SPEEDS:
        match = re.fullmatch(pattern, row["benchmark"])
        if match:
            return match.expand(meaning)
    return ""


def protocol_of(row, suite):
    """The protocol that the source measured by, in phibench's names; empty if it cannot be known."""
    source = row["source"] + " " + row["metric"]
    if suite == "throughput":
        return speed_of(row)
    if suite == "perplexity":
        return "chunks-512-wiki.test"
    if suite in VISION_SUITES:
        return vision_protocol_of(row, suite)
    if "lighteval" in source:
        return "lighteval" if suite in LIGHTEVAL_SUITES else "lm-eval" if suite in HARNESS_SUITES else ""
    if "lm-eval" in source or "Open LLM Leaderboard" in source or "neuralmagic" in source:
        return "lm-eval"
    microsoft = ("Azure/azureml-assets", "azureml-assets", "HF card microsoft", "HF commit microsoft",
                 "HF card Phi-3", "Phi-3 tech report")
    if suite in ("mmlu", "triviaqa") and row["source"].startswith(microsoft):
        return "phi3"
    return ""


def measure_of(row):
    """Suite, metric and unit of what the row measures."""
    metric = row["metric"]
    if row["benchmark"] == "wikitext-2 test":
        return ("perplexity", "ppl", "") if metric.startswith("perplexity") else ("perplexity", "kld", "nats")
    suite, name = MEASURES.get(row["benchmark"], ("", ""))
    if "tokens/s" in metric or "tok/s" in metric:
        return "throughput", "tokens_per_s", "tokens/s"
    if metric.split()[0] in ("GiB", "GB", "bpw"):
        return "", "", metric.split()[0]
    if metric == "perplexity":
        return "", "", ""
    if "1-10" in metric or (suite == "mt_bench"):
        return suite, name, "points"
    if name == "acc" and ("acc_norm" in metric or "lighteval" in row["source"]):
        name = "acc_norm"
    if suite == "pope" and metric.startswith("F1"):
        name = "yes_f1"
    if name == "exact_match" and "flexible" in metric:
        name = "flexible"
    return suite, name, "percent"


def score_of(row, unit):
    """The score in its unit, with all its digits and no other ones."""
    score = decimal.Decimal(row["score"])
    is_fraction = unit == "percent" and "%" not in row["metric"] and abs(score) <= 1
    return format(score.scaleb(2) if is_fraction else score, "f")


def table_of(row, suite):
    if suite == "throughput" or row["metric"].split()[0] in ("GiB", "GB", "bpw"):
        return "throughput-and-size"
    if suite == "perplexity" or re.search(r"GPTQ|AQLM|AutoRound|W\dA\d|FP8|Q\d|INT4|4-bit|BF16$|FP16$", row["model"]):
        return "quantized"
    return "phi-3" if re.match(r"Phi-3", row["model"]) else "comparators"


def separate(row):
    """A row of three numbers, "A / B / C (0-shot)", as three rows."""
    scores = row["score"].split(" / ")
    if len(scores) == 1:
        return [row]
    names, shots = re.fullmatch(r"(.*) \((\d+-shot)\)", row["benchmark"]).groups()
    return [dict(row, benchmark=name, score=score, shots=shots) for name, score in zip(names.split(" / "), scores)]


def convert(row):
    suite, metric, unit = measure_of(row)
    shots = re.match(r"(\d+)-[Ss]hot", row["shots"])
    is_plain = not row["shots"] or re.fullmatch(r"\d+-[Ss]hot", row["shots"])
    remark = row["metric"] + ("" if is_plain else ", " + row["shots"])
    has_no_shots = suite in ("perplexity", "mt_bench") or "lmms-eval" in row["source"]
    source = re.sub(r"\s+", " ", re.sub(r"( as quoted in)( ids [\d/]+)? *(?=\(|;|$)", "", row["source"])).strip()
    converted = dict(row, suite=suite, metric=metric, unit=unit, protocol=protocol_of(row, suite), remark=remark,
                     shots=shots.group(1) if shots else "0" if has_no_shots else "",
                     score=score_of(row, unit), source=source or "not stated")
    return table_of(row, suite), converted


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tables = {}
    with open(sys.argv[1], encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            for row in separate(line):
                name, converted = convert(row)
                tables.setdefault(name, []).append(converted)
    for name, rows in sorted(tables.items()):
        with open(os.path.join(sys.argv[2], name + ".tsv"), "w", encoding="utf-8") as file:
            file.write(HEAD + "\t".join(COLUMNS) + "\n")
            for row in rows:
                file.write("\t".join(row[column] for column in COLUMNS) + "\n")
        print("%s: %d numbers" % (name, len(rows)))


if __name__ == "__main__":
    main()
