#!/bin/sh
# Two processes on one database: the same run is not carried out twice, another configuration's run goes on beside it,
# and a run whose process was killed is free for the next one.
. "$(dirname "$0")/../support/cli.sh"

cat > long.yaml <<END
models: [{id: tiny, path: "synth:tiny", quantizations: [q8_0]}]
suites:
  - mmlu: {data: models/demo-mmlu, shots: 0, limit: 2}
  - throughput: {prompt: 16, generate: 16, threads: 1, repeat: 10000}
defaults: {threads: 1}
END
sed -e 's/10000/2/' long.yaml > short.yaml

"$PHIBENCH" run long.yaml --db a.db >first.out 2>first.err &
pid=$!
wait_until has_measured a.db

expect 1 "$PHIBENCH" run long.yaml --db a.db
message_has "a.db: process $pid is carrying out run 1, which is this one: wait for it, or begin another with --fresh"
expect 1 "$PHIBENCH" run long.yaml --db a.db --resume
message_has "a.db: process $pid is carrying out run 1"
expect 0 "$PHIBENCH" run short.yaml --db a.db
message_has 'answers taken over from earlier runs'
expect 0 "$PHIBENCH" runs --db a.db --json
grep '"run": *1,' stdout | grep -q '"status": *"running"' || fail "the first run was disturbed"
grep '"run": *2,' stdout | grep -q '"status": *"done"' || fail "the other configuration was not run"
[ "$(wc -l <stdout)" -eq 2 ] || fail "there are other runs than two"

kill -9 $pid
wait $pid 2>/dev/null
"$PHIBENCH" run long.yaml --db a.db >second.out 2>second.err &
pid=$!
wait_until grep -q 'continuing run 1' second.err
kill -INT $pid
wait $pid
[ $? -eq 130 ] || fail "the run of a killed process was not taken up"
grep -q 'continuing run 1' second.err || fail "the run of a killed process was not continued"
finish
