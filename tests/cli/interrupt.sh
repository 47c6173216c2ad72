#!/bin/sh
# Ctrl-C finishes the batch, keeps every answer, says how to go on, and exits with 130; the same command goes on, and
# --resume does, as long as there is something left to do.
. "$(dirname "$0")/../support/cli.sh"

cat > config.yaml <<END
models: [{id: tiny, path: "synth:tiny", quantizations: [q8_0]}]
suites:
  - throughput: {prompt: 16, generate: 16, threads: 1, repeat: 400}
  - mmlu: {data: models/demo-mmlu, shots: 0, limit: 2}
defaults: {threads: 1}
END

expect 2 "$PHIBENCH" run config.yaml --db a.db --resume
message_has 'has no unfinished run of this configuration'

# interrupted DB OPTIONS: a run that gets Ctrl-C once it has measured something.
interrupted() {
    "$PHIBENCH" run config.yaml --db "$@" >stdout 2>stderr &
    pid=$!
    wait_until has_measured "$1"
    kill -INT $pid
    wait $pid
    [ $? -eq 130 ] || fail "an interrupted run exits with 130"
}

# The same command with --fresh would not go on, but begin again.
interrupted b.db --fresh
message_has 'everything answered is stored. To go on: the same command without --fresh'
interrupted a.db
message_has 'everything answered is stored. To go on: phibench run config.yaml --db a.db'
"$PHIBENCH" export --db a.db --table speed > before.rows
[ -s before.rows ] || fail "an interrupted run kept nothing"
grep -q '"repetition"' before.rows || fail "no repetition was kept"

expect 0 "$PHIBENCH" run config.yaml --db a.db --resume
message_has 'continuing run 1'
"$PHIBENCH" export --db a.db --table speed > after.rows
n_speeds=$(grep -vc '"limit_' after.rows)
[ "$n_speeds" -eq 1201 ] || fail "$n_speeds speeds in place of 1201"
[ "$(sort before.rows after.rows | uniq -d | wc -l)" -eq "$(wc -l < before.rows)" ] || fail "kept speeds were changed"
expect 2 "$PHIBENCH" run config.yaml --db a.db --resume
expect 2 "$PHIBENCH" run config.yaml --db a.db --resume --fresh
message 'phibench: --fresh and --resume contradict each other'
finish
