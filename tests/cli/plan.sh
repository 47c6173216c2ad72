#!/bin/sh
# plan: what a run will cost is what audit says, and its prospects are those that follow from the formulas: by assumed
# shares of other answers at first, then by what the database has.
. "$(dirname "$0")/../support/cli.sh"
needs python3
head -c 6000 models/world/text/heldout.txt >text.txt
cat >c.yaml <<'END'
db: a.db
models: [{id: tiny, path: "synth:tiny", quantizations: [q8_0, q4_0]}]
suites:
  - mmlu: {data: models/demo-mmlu, protocol: hendrycks, shots: 2}
  - perplexity: {data: text.txt, context: 64, limit: 12}
  - throughput: {prompt: 8, generate: 2, repeat: 3}
END
expect 0 "$PHIBENCH" plan c.yaml
[ ! -e a.db ] || fail "a plan made a database"
grep -q '^tiny q8_0 mmlu/hendrycks 2-shot: 96 items$' stdout || fail "no line for the job"
grep -q '^  interval     ±9.81 points of accuracy, at 50, since no score of these weights is stored$' stdout || fail "no interval"
grep -q '^  difference   seen with 80% probability: 9.04 points if 10% of the answers differ, 15.7 if 30% do (assumed: no two models with other answers are stored)$' stdout || fail "no difference"
grep -q '^  interval     not known: no perplexity of these weights is stored$' stdout || fail "a text's interval"
grep -q '^  difference   not known: no two models were compared on this$' stdout || fail "a text's difference"
grep -q '^tiny q4_0 throughput: 6 measurements$' stdout || fail "no measurements"
tail -n 1 stdout | grep -q '^6 jobs, and 6 whose time is not known; no weights were read$' || fail "$(tail -n 1 stdout)"
expect 0 "$PHIBENCH" plan c.yaml --json
cp stdout before.json
expect 0 "$PHIBENCH" audit c.yaml --json
cp stdout audit.json

grep -v throughput c.yaml >run.yaml
expect 0 "$PHIBENCH" run run.yaml
expect 0 "$PHIBENCH" plan c.yaml
cp stdout text
expect 0 "$PHIBENCH" plan c.yaml --json
cp stdout after.json
"$PHIBENCH" export last --db a.db --table items >items
"$PHIBENCH" export last --db a.db --table scores >scores
python3 - <<'END' || fail "figures are not those of the formulas"
import json, math
Z, DETECTABLE = 1.959963984540054, 1.959963984540054 + 0.8416212335729143
before, after, audit = (json.load(open(name + ".json")) for name in ("before", "after", "audit"))
for a, b in zip(audit, before):
    for key in ("job", "items", "tokens", "shared_tokens", "seconds"): assert a[key] == b[key], (a, b)
def wilson(p, n):
    k = round(p * n)
    return 100 * Z * math.sqrt(k * (n - k) / n + Z * Z / 4) / (n + Z * Z)
def near(a, b): assert abs(a - b) <= 1e-9 * abs(b), (a, b)
lines = list(map(json.loads, open("items")))
scores = [s for s in map(json.loads, open("scores")) if s["subset"] == ""]
for job in before:
    if "mmlu" not in job["job"]: continue
    near(job["half_width"], wilson(0.5, 96))
    assert job["score"] is None and job["assumed"] and job["items_asked"] == 96
    assert [d["share"] for d in job["differences"]] == [0.1, 0.3]
    for d in job["differences"]: near(d["seen"], 100 * DETECTABLE * math.sqrt(d["share"] / 96))
def answers(quantization, suite): return {i["item"]: i for i in lines if (i["quantization"], i["suite"]) == (quantization, suite)}
def spread(suite):
    a, b = answers("q8_0", suite), answers("q4_0", suite)
    d = [b[key]["score"] - a[key]["score"] for key in a]
    mean = sum(d) / len(d)
    return len([x for x in d if x]) / len(d), math.sqrt(sum((x - mean) ** 2 for x in d) / (len(d) - 1) / len(d))
for job in after:
    if "throughput" in job["job"]: continue
    suite = "mmlu" if "mmlu" in job["job"] else "perplexity"
    own = [s for s in scores if s["suite"] == suite and s["quantization"] in job["job"] and s["metric"] in ("acc", "ppl")]
    assert len(own) == 1 and job["score_run"] == 1 and job["seconds"] > 0
    near(job["score"], own[0]["score"])
    near(job["half_width"], wilson(job["score"] / 100, 96) if suite == "mmlu" else Z * own[0]["error"])
    share, error = spread(suite)
    if share == 0: continue
    seen = 100 * DETECTABLE * error if suite == "mmlu" else 100 * math.expm1(DETECTABLE * error)
    assert not job["assumed"] and job["compared_a"] == "tiny q8_0" and job["compared_b"] == "tiny q4_0"
    near(job["differences"][0]["share"], share)
    near(job["differences"][0]["seen"], seen)
END
grep -Eq '^  interval     ±[0-9.e+]+ of perplexity, at [0-9.e+]+ as in run 1$' text || fail "no interval of a text"
grep -Eq '^  difference   .*% of the perplexity if chunks differ as between tiny q8_0 and tiny q4_0 in run 1$' text ||
    fail "no difference of a text"
grep -Eq '^6 jobs, about .*, and 2 whose time is not known; no weights were read$' text || fail "$(tail -n 1 text)"

# With a precision: after how many items asking will end.
expect 0 "$PHIBENCH" plan c.yaml --db a.db --set suites.0.precision=20
grep -Eq '^  precision    ±20 points, after about 64 of 96 items and [0-9]+ s$' stdout || fail "$(grep precision stdout)"
expect 1 "$PHIBENCH" plan c.yaml --db nowhere.db
expect 2 "$PHIBENCH" plan
expect 2 "$PHIBENCH" plan c.yaml --parts 3
finish
