#!/bin/sh
# Ctrl-C finishes the batch, keeps every answer, says how to go on, and exits with 130; the same command goes on, and
# --resume does, as long as there is something left to do. Whatever a command is at, one signal ends it.
. "$(dirname "$0")/../support/cli.sh"
needs python3

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

# Every command, in the midst of what it may be long at: the first signal ends it, and leaves nothing half written.
python3 - <<'END'
import random
random.seed(1)
words = ["".join(random.choices("abcdefghij", k=random.randint(2, 9))) for _ in range(5000)]
with open("long.txt", "w") as out:
    for _ in range(400000):
        out.write(" ".join(random.choices(words, k=12)) + "\n")
END
mkdir -p many/dev many/test
echo '0?,A,B,C,D,A' >many/dev/numbers_dev.csv
awk 'BEGIN { for (i = 1; i <= 400000; i++) printf "%d?,1,2,3,%d,D\n", i, i }' >many/test/numbers_test.csv
"$PHIBENCH" synth tiny --type f16 tiny.gguf >/dev/null 2>&1
cp tiny.gguf hashed.gguf
truncate -s 64G hashed.gguf
mkfifo silent
printf '#!/bin/sh\nexec sleep 60\n' >sleeper
chmod +x sleeper
tiny='{id: t, path: "synth:tiny", quantizations: [q8_0]}'
echo "models: [$tiny]
suites: [{mmlu: {data: many, shots: 1}}]" >many.yaml
echo "models: [{id: t, path: hashed.gguf}]
suites: [{throughput: {prompt: 16}}]" >hash.yaml
echo "models: [{id: t, path: \"synth:phi-3-mini:f16\", quantizations: [q4_k]}]
suites: [{throughput: {prompt: 16}}]
cache: made" >quantize.yaml
echo "models: [$tiny]
cache: made
suites: [{triviaqa: {data: models/world/triviaqa, limit: 2, retrieval: {build_from: long.txt}}}]" >index.yaml
expect 0 "$PHIBENCH" run config.yaml --db drawn.db --set suites.0.repeat=1

catches_signals() {
    grep -q '^SigCgt:.*[2367abef]$' "/proc/$1/status"
}

has_ended() {
    case $(cat "/proc/$1/stat" 2>/dev/null) in *') Z '* | '') ;; *) false ;; esac
}

# ends SIGNAL ARGUMENT...: the command, with standard input that says nothing or is in the file $input.
input=silent
ends() {
    signal=$1
    shift
    "$PHIBENCH" "$@" <"$input" >stdout 2>stderr &
    pid=$!
    wait_until catches_signals $pid
    sleep 0.4
    has_ended $pid && fail "was done before it could be interrupted: $*"
    kill -"$signal" $pid 2>/dev/null
    wait_until has_ended $pid
    kill -9 $pid 2>/dev/null
    wait $pid
    status=$?
    [ $status -eq 130 ] || fail "status $status after one SIG$signal: $*"
}

exec 9<>silent
for signal in INT TERM; do
    ends $signal tokenize -m synth:tiny:q8_0
    ends $signal run hash.yaml --db hash.db
    ends $signal run quantize.yaml --db quantize.db
    ends $signal run index.yaml --db index.db
    ends $signal run many.yaml --db many.db
    ends $signal audit many.yaml
    ends $signal quantize --type q4_k synth:phi-3-mini:f16 out.gguf
    ends $signal perplexity -m synth:tiny:q8_0 -f long.txt --db ppl.db
    ends $signal bench -m synth:phi-3-mini:q4_0
    ends $signal generate -m synth:phi-3-mini:q4_0 -p word -n 4000
    PHIBENCH_GNUPLOT=$work/sleeper ends $signal report --db drawn.db -o page
    PHIBENCH_GNUPLOT=$work/sleeper ends $signal doctor
done
input=long.txt
ends INT tokenize -m synth:tiny:q8_0
[ ! -e out.gguf ] || fail "a quantization that was interrupted has its name"
finish
