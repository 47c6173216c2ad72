#!/bin/sh
# kill -9 at ten random moments of a run (PHIBENCH_KILL_MOMENTS: at fewer, where everything is slow), each followed by
# the same command: the rows are those of a run that nobody disturbed. One suite takes three windows, one of them
# prepared while another is computed. A run that was done before it could be killed is followed by a second one.
. "$(dirname "$0")/../support/cli.sh"

mkdir -p many/dev many/test
echo '0?,A,B,C,D,A' > many/dev/numbers_dev.csv
awk 'BEGIN { for (i = 1; i <= 1100; i++) printf "%d?,1,2,3,%d,D\n", i, i }' > many/test/numbers_test.csv

cat > config.yaml <<END
name: kill
models:
  - {id: tiny, path: "synth:tiny", quantizations: [q8_0, q4_0]}
suites:
  - mmlu: {data: "models/demo-mmlu", protocol: hendrycks, shots: 5}
  - mmlu: {data: "models/demo-mmlu", protocol: lm-eval, shots: 1}
  - mmlu: {data: many, protocol: hendrycks, shots: 0}
  - throughput: {prompt: 16, generate: 4, batch: [1, 2], threads: 1, repeat: 2}
defaults: {threads: 1, batch_tokens: 16}
END

rows() {
    rows_of "$1.db" >"$1.rows" 2>stderr || fail "export of $1"
}

begin=$(date +%s%N)
"$PHIBENCH" run config.yaml --db whole.db > /dev/null 2> whole.err || fail "the undisturbed run"
whole_ms=$((($(date +%s%N) - begin) / 1000000))
rows whole
[ "$(grep -c '"type": *"response"' whole.rows)" -eq 2584 ] || fail "the undisturbed run lacks answers"

n_continued=0 n_moments=${PHIBENCH_KILL_MOMENTS:-10} i=0
while [ $i -lt "$n_moments" ]; do
    moment=$(awk -v i=$i -v n="$n_moments" -v ms=$whole_ms 'BEGIN { srand(); printf "%.3f", (i + rand()) * ms / 1000 / n }')
    "$PHIBENCH" run config.yaml --db "cut$i.db" > /dev/null 2> "cut$i.err" &
    pid=$!
    sleep "$moment"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    "$PHIBENCH" run config.yaml --db "cut$i.db" > /dev/null 2> "cut$i.err" || fail "after kill -9 at $moment s"
    if grep -q 'continuing run' "cut$i.err"; then n_continued=$((n_continued + 1)); fi
    rows "cut$i"
    cmp whole.rows "cut$i.rows" || fail "other rows after kill -9 at $moment s of $whole_ms ms"
    i=$((i + 1))
done
[ $n_continued -ge $((n_moments / 3)) ] || fail "only $n_continued of $n_moments runs were cut off in their midst"
finish
