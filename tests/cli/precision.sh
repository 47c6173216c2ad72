#!/bin/sh
# --precision ends a suite when its score is known that well: after the same items with any number of threads, in any
# batch, and after an interruption; all are asked where it is not reached; answers go from one kind of run to the other.
. "$(dirname "$0")/../support/cli.sh"
needs python3
mkdir -p many/dev many/test
for subject in birds numbers towns; do
    echo "Is 0 $subject?,A,B,C,D,A" >many/dev/${subject}_dev.csv
    awk -v subject=$subject 'BEGIN { for (i = 1; i <= 100; i++) printf "Is %d %s?,%d,%d,%d,%d,%s\n", i, subject, i, i * 7 % 11,
        i * 5 % 13, i % 3, substr("ABCD", (i * 7 + length(subject)) % 4 + 1, 1) }' >many/test/${subject}_test.csv
done
cat >config.yaml <<END
models: [{id: tiny, path: "synth:tiny:q8_0"}]
suites: [{mmlu: {data: many, shots: 0, precision: 10}}]
defaults: {threads: 1}
END
rows() {
    rows_of "$1" >"$1.rows" || fail "export of $1"
}
# asked DB: how many items the newest run has asked.
asked() {
    "$PHIBENCH" export last --db "$1" --table items | wc -l
}
same() {
    rows "$1"
    cmp a.db.rows "$1.rows" || fail "other rows: $2"
}

expect 0 "$PHIBENCH" run config.yaml --db a.db
rows a.db
n=$(asked a.db)
[ "$n" -gt 64 ] && [ "$n" -lt 300 ] && [ $((n % 64)) -eq 0 ] || fail "$n items were asked"
message_has "tiny q8_0 mmlu/hendrycks 0-shot: $n of 300 items were enough for ±10 points"
grep -q "$n sequential" stdout || fail "the score is not marked"
"$PHIBENCH" export last --db a.db --table scores >scores
python3 - "$n" <<'END' || fail "not as wide as asked for"
import json, sys
n = int(sys.argv[1])
whole = [s for s in map(json.loads, open("scores")) if s["subset"] == "" and s["metric"] == "acc"]
assert len(whole) == 1 and whole[0]["n"] == n, whole
assert 15 < whole[0]["high"] - whole[0]["low"] <= 20, whole
END
expect 0 "$PHIBENCH" show last --db a.db
grep -q "items were asked in a random order until the score was known to ±10 points" stdout || fail "show does not say it"
expect 0 "$PHIBENCH" db check a.db
expect 0 "$PHIBENCH" regrade last --db a.db
same a.db 'after grading again'

# The same items in every batch, with every number of threads; also when the command line asks.
for how in "-t 2 --set defaults.batch_tokens=7" "--no-prefix-sharing"; do
    expect 0 "$PHIBENCH" run config.yaml --db b.db --fresh $how
    same b.db "$how"
done
sed 's/, precision: 10//' config.yaml >whole.yaml
expect 0 "$PHIBENCH" run whole.yaml --db c.db --precision 10
same c.db '--precision'
# --precision 0 does not undo a key of the file, and a smaller one takes more items.
expect 0 "$PHIBENCH" run config.yaml --db c.db --fresh --precision 9
[ "$(asked c.db)" -gt "$n" ] || fail "±9 points took as many items as ±10"

# Interrupted runs go on in the same order to the same end, whichever answers they have.
if command -v sqlite3 >/dev/null; then
    for lost in "id > 70" "id % 3 = 0" "id = $n"; do
        cp a.db cut.db
        sqlite3 cut.db "PRAGMA foreign_keys = 1; DELETE FROM response WHERE $lost; DELETE FROM score; DELETE FROM note;
            UPDATE job SET is_finished = 0, precision_items = NULL; UPDATE run SET status = 'interrupted'"
        expect 0 "$PHIBENCH" run config.yaml --db cut.db
        message_has 'continuing run 1'
        same cut.db "after the loss of responses: $lost"
    done
fi

# A whole run takes over what a precise one has asked, and the other way round, which asks nothing.
expect 0 "$PHIBENCH" run whole.yaml --db a.db
message_has "$n answers taken over from earlier runs"
[ "$(asked a.db)" -eq 300 ] || fail "a whole run does not ask everything"
expect 0 "$PHIBENCH" run whole.yaml --db whole.db
rows a.db
rows whole.db
cmp a.db.rows whole.db.rows || fail "a whole run after a precise one has other rows"
expect 0 "$PHIBENCH" run config.yaml --db whole.db
message_has "$n answers taken over from earlier runs"
rows b.db
rows whole.db
cmp b.db.rows whole.db.rows || fail "a precise run after a whole one has other rows"

# Where all are asked, it is a whole run.
expect 0 "$PHIBENCH" run whole.yaml --db fine.db --precision 0.5
rows fine.db
cmp a.db.rows fine.db.rows || fail "a precision that is not reached changes rows"
grep -q sequential stdout && fail "a whole run is marked"
expect 0 "$PHIBENCH" db check fine.db

# What has no rate is refused with its place, or asked whole by the option.
expect 2 "$PHIBENCH" run config.yaml --set suites.0.precision=0
message '--set suites.0.precision=0: precision must be percent points above 0 and at most 50, as in 1.5'
cat >text.yaml <<END
models: [{id: tiny, path: "synth:tiny:q8_0"}]
suites:
  - perplexity: {data: models/world/text/heldout.txt, context: 64, limit: 5, precision: 1}
END
expect 2 "$PHIBENCH" run text.yaml
message 'text.yaml:3:78: a precision is of a score between 0 and 100%: perplexity has none, and is asked whole'
sed -i 's/, precision: 1//' text.yaml
expect 2 "$PHIBENCH" run text.yaml --precision 1
message 'phibench: text.yaml has no suite whose score is between 0 and 100%, which --precision is of'
finish
