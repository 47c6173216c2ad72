#!/bin/sh
# perplexity: the statistics that were computed apart (tools/golden/text_statistics.py), a divergence of exactly 0 of the
# same weights by any instruction set, threads and batch, and that nothing is lost when it is interrupted.
. "$(dirname "$0")/../support/cli.sh"
needs python3

text=models/world/text/heldout.txt

# Every number of the golden file is the one that the program prints, to nine digits.
expect 0 "$PHIBENCH" perplexity -m synth:tiny:f16 -f $text -c 64 --limit 6 --db s.db --save-reference f16.logits
expect 0 "$PHIBENCH" perplexity -m synth:tiny:q4_0 -f $text -c 64 --limit 6 --db s.db --against f16.logits --json
python3 - "$top/tests/golden/text_statistics.json" stdout <<'END' || fail "other statistics than those computed apart"
import json, sys
wanted, found = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))["scores"]
assert len(wanted) == len(found) == 27, (len(wanted), len(found))
for metric, score in wanted.items():
    for key, value in score.items():
        assert abs(found[metric][key] - value) <= 1e-9 * abs(value) + 1e-12, (metric, key, found[metric][key], value)
END

# The same weights: not one bit differs.
expect 0 "$PHIBENCH" perplexity -m synth:tiny:f16 -f $text -c 64 --limit 6 --db s.db --against f16.logits --isa scalar \
    --threads 1 --batch-tokens 17 --json
python3 - stdout <<'END' || fail "the same weights diverge"
import json, sys
scores = json.load(open(sys.argv[1]))["scores"]
for metric, score in scores.items():
    if metric.startswith(("kld", "dp_")) or metric == "ln_ppl_ratio":
        assert score["score"] == score["low"] == score["high"] == 0, (metric, score)
assert scores["same_top"]["score"] == 100
assert scores["ppl"] == scores["ppl_reference"]
END

# What does not fit together.
expect 1 "$PHIBENCH" perplexity -m synth:tiny:f16 -f $text -c 64 --limit 7 --db s.db --against f16.logits
message_has 'f16.logits: there are no logits of chunk 6'
expect 1 "$PHIBENCH" perplexity -m synth:tiny:f16 -f $text -c 32 --limit 6 --db s.db --against f16.logits
message_has 'f16.logits: the logits are of another text, chunk length or vocabulary'
expect 2 "$PHIBENCH" perplexity -m synth:tiny:q8_0 -f $text -c 64 --db s.db --save-reference f16.logits
message_has 'f16.logits holds other reference logits'
expect 2 "$PHIBENCH" perplexity -m synth:tiny:f16 -f $text --db s.db --against nowhere.logits
message_has 'there is no such file'
expect 2 "$PHIBENCH" perplexity -m synth:tiny:f16 --db s.db
message 'phibench: perplexity needs a text: -f FILE'
expect 2 "$PHIBENCH" perplexity -m synth:tiny:f16 -f nowhere.txt --db s.db
message 'phibench: data: there is no file or folder nowhere.txt'
expect 1 "$PHIBENCH" perplexity -m synth:tiny:f16 -f configs/synthetic.yaml -c 2048 --db s.db
message_has 'tokens do not fill one chunk of 2048'

# A configuration compares quantizations with one of its own, whose logits lie beside the database.
cat >c.yaml <<END
models: [{id: tiny, path: "synth:tiny", quantizations: [f16, q8_0]}]
suites: [{perplexity: {data: $text, context: 64, limit: 40, reference: f16}}]
END
expect 0 "$PHIBENCH" run c.yaml --db whole/c.db --set report.out=whole/report
python3 - <<'END' || fail "the report says something else than the store"
import csv, json, math, sqlite3
rows = {name: list(csv.DictReader(open("whole/report/%s.csv" % name))) for name in ("perplexity-ratios", "divergences")}
db = sqlite3.connect("whole/c.db")
delta, n = db.execute("SELECT delta, n FROM v_compare WHERE quantization_a = 'f16'").fetchone()
score = dict(db.execute("SELECT metric, score FROM v_scores WHERE quantization = 'q8_0' AND depth = 0"))
(ratio,), (divergence,) = rows["perplexity-ratios"], rows["divergences"]
assert n == int(ratio["chunks"]) == 40
assert ratio["perplexity, ratio"] == "%.4f" % math.exp(delta / 100), (ratio, delta)
assert ratio["perplexity, ratio"] == "%.4f" % math.exp(score["ln_ppl_ratio"])
low, high = map(float, ratio["95% interval"].split(" to "))
assert low < math.exp(delta / 100) < high < low * 1.02
assert divergence["quantization"] == "q8_0" and divergence["tokens"] == str(40 * 31)
assert divergence["mean KLD"].startswith("%.4g (" % score["kld"]), divergence
assert divergence["same top, %"].startswith("%.4g (" % score["same_top"]), divergence
page = open("whole/report/index.html").read()
assert "perplexity (lower is better)" in page and "Lowest perplexity" in page
END
grep -q 'divergence from the reference' stdout || fail "no table of divergences"
[ "$(ls whole/references | wc -l)" -eq 1 ] || fail "not one file of logits"

# Losses that are all the same are differences of 0, not of none right of 40.
cp whole/c.db same.db
sqlite3 same.db 'UPDATE verdict SET score = 7'
expect 0 "$PHIBENCH" report --db same.db --out same
cut -d, -f5- same/perplexity-ratios.csv | grep -q '^1.0000,1.0000 to 1.0000' ||
    fail "equal losses have an interval: $(cat same/perplexity-ratios.csv)"

# kill -9 in its midst, and the logits removed besides: the same rows.
rows() {
    "$PHIBENCH" export last --db "$1" --table responses | sed -E 's/"run": ?[0-9]+/"run":0/' | sort
    "$PHIBENCH" export last --db "$1" --table scores | sed -E 's/"(run|job)": ?[0-9]+/"\1":0/g' | sort
}
rows whole/c.db >whole.rows
for moment in 0.05 0.1 0.15; do
    rm -rf cut
    "$PHIBENCH" run c.yaml --db cut/c.db --set defaults.batch_tokens=8 --set defaults.threads=1 >/dev/null 2>&1 &
    pid=$!
    sleep $moment
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    rm -rf cut/references
    expect 0 "$PHIBENCH" run c.yaml --db cut/c.db --set defaults.batch_tokens=8 --set defaults.threads=1
    rows cut/c.db >cut.rows
    cmp whole.rows cut.rows || fail "other rows after kill -9 at $moment s"
done
expect 0 "$PHIBENCH" run c.yaml --db cut/c.db --fresh
expect 2 "$PHIBENCH" run c.yaml --set 'models.0.quantizations=[q8_0, f16]'
message_has 'it must stand before the quantizations that are compared with it'
finish
