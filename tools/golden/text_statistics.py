#!/usr/bin/env python3
"""Perplexity and divergence of a text, computed apart from phibench's own code, from the same logits.

    text_statistics.py PHIBENCH TEXT CONTEXT LIMIT MODEL [REFERENCE]            print them as JSON
    text_statistics.py PHIBENCH TEXT CONTEXT LIMIT MODEL [REFERENCE] --check    compare with `phibench perplexity`

Tokens come from `phibench tokenize`, logits of every position from `phibench logits --all -o bin`; everything else is
numpy's float64, in the plain form of each definition. Intervals are of Student's t with a degree of freedom fewer
than there are chunks.
tests/golden/text_statistics.json was made with numpy 2.4.6 and scipy 1.17.1:

    tools/golden/text_statistics.py build/release/phibench models/world/text/heldout.txt 64 6 \
        synth:tiny:q4_0 synth:tiny:f16 > tests/golden/text_statistics.json
"""
import json
import math
import subprocess
import sys
import tempfile

import numpy
import scipy.stats

Z = 1.959963984540054
PERCENTS = [99.9, 99, 95, 90, 50, 10, 5, 1, 0.1]


def run(*command, text=None):
    return subprocess.run(command, input=text, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def chunks_of(phibench, model, text, context, limit):
    with open(text, "rb") as file:
        ids = json.loads(run(phibench, "tokenize", "-m", model, "--json", text=file.read()))["ids"]
    has_bos = len(json.loads(run(phibench, "tokenize", "-m", model, "--json", text=b""))["ids"]) == 1
    chunks = []
    for begin in range(0, len(ids) - context + 1, context):
        chunk = ids[begin:begin + context]
        if has_bos:
            chunk[0] = ids[0]
        chunks.append(chunk)
    return chunks[:limit]


def logits_of(phibench, model, ids, n_scored):
    """Rows before the scored tokens: the last n_scored tokens of the chunk."""
    raw = run(phibench, "logits", "-m", model, "--ids", ",".join(map(str, ids)), "--all", "-o", "bin")
    return numpy.frombuffer(raw, "<f4").reshape(len(ids), -1)[-n_scored - 1:-1].astype(numpy.float64)


def log_softmax(rows):
    shifted = rows - rows.max(axis=1, keepdims=True)
    return shifted - numpy.log(numpy.exp(shifted).sum(axis=1, keepdims=True))


def clustered(values):
    """Mean and standard error of values [chunks, tokens] that cluster by chunk."""
    mean, n_chunks = values.mean(), len(values)
    squares = ((values - mean).sum(axis=1) ** 2).sum() if n_chunks > 1 else ((values - mean) ** 2).sum()
    n_independent = n_chunks if n_chunks > 1 else values.size
    variance = squares * n_independent / (n_independent - 1) / values.size ** 2
    return mean, math.sqrt(variance)


def mean_of(values):
    mean, error = clustered(values)
    reach = scipy.stats.t.ppf(0.975, len(values) - 1)
    return {"score": mean, "low": mean - reach * error, "high": mean + reach * error, "error": error}


def exponential(estimate):
    mean = math.exp(estimate["score"])
    return {"score": mean, "low": math.exp(estimate["low"]), "high": math.exp(estimate["high"]),
            "error": mean * estimate["error"]}


def rate_of(values):
    mean, error = clustered(values)
    n = values.size
    centre, scale = mean + Z * Z / (2 * n), 1 + Z * Z / n
    half = Z * math.sqrt(mean * (1 - mean) / n + Z * Z / (4 * n * n))
    high = 1 if mean == 1 else (centre + half) / scale
    return {"score": mean, "low": 0 if mean == 0 else (centre - half) / scale, "high": high, "error": error}


def quantile_of(values, q):
    """Limits lie as many ranks apart as the share below has errors; those are clustered, where they are larger."""
    quantile, n = numpy.quantile(values, q), values.size
    below = (values <= quantile).astype(float)
    effect = 1
    if 0 < below.mean() < 1:
        effect = max(1, (clustered(below)[1] / clustered(below.reshape(1, -1))[1]) ** 2)
    half = scipy.stats.t.ppf(0.975, len(values) - 1) * math.sqrt(n * q * (1 - q) * effect)
    ordered = numpy.sort(values, axis=None)
    low, high = (int(min(n - 1, max(0, rank))) for rank in (math.floor(n * q - half), math.ceil(n * q + half)))
    return {"score": float(quantile), "low": float(ordered[low]), "high": float(ordered[high])}


def percent(estimate):
    return {key: value * 100 for key, value in estimate.items()}


def statistics(phibench, text, context, limit, model, reference):
    n_scored = context - context // 2 - 1
    losses, reference_losses, divergences, tops = [], [], [], []
    for ids in chunks_of(phibench, model, text, context, limit):
        wanted = numpy.array(ids[-n_scored:])
        rows = logits_of(phibench, model, ids, n_scored)
        mine = log_softmax(rows)
        losses.append(-mine[numpy.arange(n_scored), wanted])
        if reference:
            other_rows = logits_of(phibench, reference, ids, n_scored)
            theirs = log_softmax(other_rows)
            reference_losses.append(-theirs[numpy.arange(n_scored), wanted])
            divergences.append((numpy.exp(theirs) * (theirs - mine)).sum(axis=1))
            tops.append(rows.argmax(axis=1) == other_rows.argmax(axis=1))
    losses = numpy.array(losses)
    scores = {"ppl": exponential(mean_of(losses))}
    if not reference:
        return scores
    reference_losses, divergences = numpy.array(reference_losses), numpy.array(divergences)
    shifts = numpy.exp(-losses) - numpy.exp(-reference_losses)
    scores["ppl_reference"] = exponential(mean_of(reference_losses))
    scores["ln_ppl_ratio"] = mean_of(losses - reference_losses)
    scores["kld"] = mean_of(divergences)
    scores["same_top"] = percent(rate_of(numpy.array(tops, dtype=float)))
    scores["dp_mean"] = percent(mean_of(shifts))
    square = mean_of(shifts ** 2)
    root = math.sqrt(square["score"])
    scores["dp_rms"] = percent({"score": root, "low": math.sqrt(max(0, square["low"])),
                                "high": math.sqrt(max(0, square["high"])),
                                "error": square["error"] / (2 * root) if root else 0})
    for prefix, values, factor in (("kld", divergences, 1), ("dp", shifts, 100)):
        for q in PERCENTS if prefix == "dp" else PERCENTS[:-1]:
            estimate = quantile_of(values, q / 100)
            scores["%s_p%g" % (prefix, q)] = {key: value * factor for key, value in estimate.items()}
        scores[prefix + "_max"] = {"score": float(values.max()) * factor}
    scores["dp_min"] = {"score": float(shifts.min()) * 100}
    return scores


def differences(ours, theirs):
    """Lines for the numbers of `theirs` that are farther than 1e-9 from ours, relative to their size."""
    for metric, score in theirs.items():
        for key, value in score.items():
            found = ours.get(metric, {}).get(key)
            if found is None or abs(found - value) > 1e-9 * abs(value) + 1e-12:
                yield "%s %s: %r, and computed apart %r" % (metric, key, found, value)


def printed_by(phibench, text, context, limit, model, reference):
    with tempfile.TemporaryDirectory() as folder:
        common = [phibench, "perplexity", "-f", text, "-c", str(context), "--limit", str(limit), "--db",
                  folder + "/s.db", "--json"]
        if reference:
            run(*common, "-m", reference, "--save-reference", folder + "/logits")
            common += ["--against", folder + "/logits"]
        return json.loads(run(*common, "-m", model))["scores"]


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    if len(arguments) not in (5, 6):
        sys.exit(__doc__)
    phibench, text, context, limit, model = arguments[:5]
    reference = arguments[5] if len(arguments) == 6 else None
    scores = statistics(phibench, text, int(context), int(limit), model, reference)
    if "--check" not in sys.argv:
        print(json.dumps(scores, indent=1))
        return
    found = list(differences(printed_by(phibench, text, context, limit, model, reference), scores))
    print("\n".join(found) or "%d statistics are the same" % len(scores))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
