#!/bin/sh
# compare, label and gate from outside: equal bits pass and need no test, answers that were taken over tell nothing, a
# dropped BOS is named, another protocol is refused, verdicts are exit statuses.
. "$(dirname "$0")/../support/cli.sh"
config() { # NAME BOS PROTOCOL SHOTS
    cat >"$1.yaml" <<END
db: gate.db
models: [{id: tiny, path: "synth:tiny", quantizations: [q8_0], bos: $2}]
suites: [{mmlu: {data: models/demo-mmlu, protocol: $3, shots: $4, limit: 2}}]
defaults: {threads: 1}
END
}
config plain auto hendrycks 0
config no_bos never hendrycks 0
config other auto continuation 0
cat >gate.yaml <<'END'
db: gate.db
baseline: main
margins: {score: 1}
END

expect 0 "$PHIBENCH" run plain.yaml
expect 0 "$PHIBENCH" label last main --db gate.db
[ "$(cat stdout)" = 'run 1 is main' ] || fail 'the label is told otherwise'
expect 0 "$PHIBENCH" show main --db gate.db

# What was taken over shows nothing of the program.
expect 0 "$PHIBENCH" run plain.yaml
expect 3 "$PHIBENCH" gate gate.yaml
message 'phibench: the gate says CANNOT TELL'
grep -q 'taken over from another run, not computed by the candidate: run it with --fresh' stdout || fail 'no word of --fresh'
expect 1 "$PHIBENCH" gate gate.yaml --strict

# The same program again: the bits are the same, and nothing else is asked.
expect 0 "$PHIBENCH" run plain.yaml --fresh
expect 0 "$PHIBENCH" gate gate.yaml --junit junit.xml
grep -q '^PASS: [0-9]* of [0-9]* checks pass' stdout || fail 'no PASS'
sed -n 1p stdout | grep -q 'compares every logit bit for bit' || fail 'the power does not come first'
grep -q '<testcase classname="bits" name="tiny q8_0, mmlu hendrycks 0-shot"/>' junit.xml || fail 'no JUnit'
expect 0 "$PHIBENCH" compare main last --db gate.db -o md
grep -q '^All logits of 1 job are equal bit for bit' stdout || fail 'compare does not say that bits are equal'

# Another database is a side, too.
expect 0 "$PHIBENCH" run plain.yaml --db other.db
expect 0 "$PHIBENCH" gate gate.yaml --candidate other.db
expect 0 "$PHIBENCH" compare other.db:1 gate.db:main

# A dropped BOS is named, by the parameter and by the tokens.
expect 0 "$PHIBENCH" run no_bos.yaml
expect 1 "$PHIBENCH" gate gate.yaml -o json
grep -q '"what": "prompts"' stdout || fail 'other tokens are not told'
expect 0 "$PHIBENCH" compare main last --db gate.db
grep -q 'bos  *auto  *never' stdout || fail 'no word of BOS'
grep -q '1 token fewer: BOS' stdout || fail 'the tokens do not say that it is BOS'
expect 0 "$PHIBENCH" compare main last --db gate.db --out page
for file in index.html comparison.md comparison.json; do [ -s "page/$file" ] || fail "no $file"; done

# Another protocol is no comparison.
expect 0 "$PHIBENCH" run other.yaml
expect 1 "$PHIBENCH" compare main last --db gate.db
message_has 'protocol is hendrycks in the base and continuation in the candidate'
expect 1 "$PHIBENCH" gate gate.yaml
message_has 'these runs are no comparison'

# Faults.
expect 2 "$PHIBENCH" label last last --db gate.db
expect 2 "$PHIBENCH" label 99 name --db gate.db
message "gate.db: there is no run 99; 'phibench runs' lists them"
expect 2 "$PHIBENCH" compare main nothing --db gate.db
expect 2 "$PHIBENCH" gate missing.yaml
echo 'baseline: main
margins: {sped: 1}' >bad.yaml
expect 2 "$PHIBENCH" gate bad.yaml
message_has 'bad.yaml:2:11: unknown key "sped" in margins: did you mean "speed"?'

# Two writers at once: each of their names is there.
for i in 1 2 3 4 5 6 7 8; do "$PHIBENCH" label 1 "a$i" --db gate.db >/dev/null 2>>race & done
for i in 1 2 3 4 5 6 7 8; do "$PHIBENCH" label 2 "b$i" --db gate.db >/dev/null 2>>race & done
wait
[ -s race ] && fail "two writers: $(cat race)"
[ "$("$PHIBENCH" label --db gate.db --json | wc -l)" -eq 17 ] || fail 'a label was lost'
finish
