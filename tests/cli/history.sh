#!/bin/sh
# History of what was run: one program is one revision, its runs are one number; every form of it, and its charts.
. "$(dirname "$0")/../support/cli.sh"

cat >speed.yaml <<'END'
name: speed
models: [{id: tiny, path: "synth:tiny:q4_0"}]
suites:
  - mmlu: {data: models/demo-mmlu, protocol: hendrycks, shots: 0, limit: 2}
  - throughput: {prompt: [8], generate: [4], batch: [1], threads: [1], repeat: 2}
END
expect 1 "$PHIBENCH" history --db none.db
message_has 'there is no such database'
expect 0 "$PHIBENCH" run speed.yaml --db a.db
expect 0 "$PHIBENCH" run speed.yaml --fresh --db a.db
revision=$("$PHIBENCH" --version | sed -E 's/.*\(([0-9a-z]{7})[0-9a-f]*(, modified)?,.*/\1\2/; s/, modified/[+]/')

expect 0 "$PHIBENCH" history --db a.db
grep -qE '^ *[0-9]+ +decode 4 after 8, tiny q4_0, 1 thread +1 +[0-9.]+ +tokens/s' stdout || fail "no series of decode"
grep -qE '^ *[0-9]+ +memory, tiny q4_0, 1 thread +1 +[0-9.]+ +MiB' stdout || fail "no series of memory"
grep -qE '^ *[0-9]+ +mmlu, hendrycks, 0 shots, acc, tiny q4_0 +1 +[0-9.]+ +percent' stdout || fail "no series of scores"
grep -A 1 '^changes of level' stdout | grep -qx none || fail "changes in one revision"
[ "$(grep -cE "^$revision +20[0-9-]+ [0-9:]+( +[0-9.]+)+\$" stdout)" -eq 1 ] || fail "not one row of values"

expect 0 "$PHIBENCH" history --db a.db -o csv --metric speed
[ "$(wc -l <stdout)" -eq 3 ] || fail "not two speeds"
awk -F, 'NF != 23 || (NR > 1 && $18 != 2) { exit 1 }' stdout || fail "not 23 columns and two runs"
expect 0 "$PHIBENCH" history --db a.db -o json --metric acc
grep -q '"protocol": "hendrycks"' stdout && grep -q '"noise": null' stdout || fail "another JSON"
expect 0 "$PHIBENCH" history --db a.db -o md --suite prefill --model tiny
grep -q '^| *1 | prefill 8, tiny q4_0, 1 thread ' stdout || fail "no Markdown"

expect 0 "$PHIBENCH" history --db a.db --out charts
for file in history.md history.csv charts/history-speed.svg charts/history-acc.png charts/history-memory.gp; do
    [ -s "charts/$file" ] || fail "no $file"
done
rm -r charts
PHIBENCH_GNUPLOT=no-such-gnuplot expect 1 "$PHIBENCH" history --db a.db --out charts
[ ! -e charts/history.md ] || fail "a page without its charts"

expect 1 "$PHIBENCH" history --db a.db --metric nonsense
message_has 'nothing was measured of this metric, model and suite'
expect 2 "$PHIBENCH" history --db a.db -o xml
message_has '--output takes table, json, csv or md, not "xml"'
finish
