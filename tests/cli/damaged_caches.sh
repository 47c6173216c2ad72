#!/bin/sh
# What is kept between runs and is not what it was: quantized files, indexes and logits are made again, which is told, and the
# answers are those of an undisturbed run; weights that are not those that were hashed never answer.
. "$(dirname "$0")/../support/cli.sh"
needs python3
text=models/world/text/heldout.txt

# hash_of DB: the hashes of the answers' logits, job by job.
hash_of() {
    sqlite3 "$1" 'SELECT logits_hash FROM job ORDER BY id'
}

# flip FILE OFFSET: changes a byte; from the end if the offset is negative.
flip() {
    python3 - "$1" "$2" <<'END'
import os, sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]), os.SEEK_END if int(sys.argv[2]) < 0 else os.SEEK_SET)
    byte = file.read(1)[0]
    file.seek(-1, os.SEEK_CUR)
    file.write(bytes([byte ^ 1]))
END
}

# again DB FILE NAME: a run of NAME.yaml after FILE was damaged tells so, and answers as the one did that is in NAME.db.
again() {
    expect 0 "$PHIBENCH" run "$3.yaml" --db "$1"
    message_has "$2 is made again"
    [ "$(hash_of "$1")" = "$(hash_of "$3.db")" ] || fail "$1: other answers than those of the first run"
    [ "$(grep -c 'again' stderr)" -eq 1 ] || fail "$1: told more than once"
}

# A quantized file.
expect 0 "$PHIBENCH" synth tiny --type f16 tiny.gguf
cat >quantized.yaml <<END
cache: cache
models: [{id: t, path: tiny.gguf, quantizations: [q8_0]}]
suites: [{mmlu: {data: models/demo-mmlu, protocol: lm-eval, shots: 0, limit: 2}}]
defaults: {threads: 1}
END
expect 0 "$PHIBENCH" run quantized.yaml --db quantized.db
made=$(echo cache/*.gguf)
cp "$made" whole.gguf
for at in 300 -20000 -200 -1; do
    flip "$made" $at
    again "flip$at.db" "$made" quantized
    cmp "$made" whole.gguf || fail "the file that was made again is another one"
done
python3 -c 'import os, sys; os.truncate(sys.argv[1], os.path.getsize(sys.argv[1]) - 300)' "$made"
again cut.db "$made" quantized
: >"$made"
again empty.db "$made" quantized
expect 0 "$PHIBENCH" quantize --type q4_0 tiny.gguf "$made"
again other.db "$made" quantized
expect 0 "$PHIBENCH" run quantized.yaml --db quiet.db
grep 'again' stderr && fail "a whole file was made again"

# A model whose bytes change after they were hashed, with its size and times kept: no answer of it, and the next run knows it.
expect 0 "$PHIBENCH" synth tiny --type q8_0 changing.gguf
cat >changing.yaml <<END
models: [{id: slow, path: "synth:tiny", quantizations: [q8_0]}, {id: changing, path: changing.gguf}]
suites:
  - throughput: {prompt: 16, generate: 16, threads: 1, repeat: 200}
  - mmlu: {data: models/demo-mmlu, shots: 0, limit: 2}
defaults: {threads: 1}
END
cp -p changing.gguf before.gguf
"$PHIBENCH" run changing.yaml --db changing.db >stdout 2>stderr &
pid=$!
wait_until has_measured changing.db
flip changing.gguf -3000
touch -r before.gguf changing.gguf
wait $pid
[ $? -eq 1 ] || fail "a run with weights that changed did not exit with 1"
message_has 'was changed after it was hashed'
[ "$(sqlite3 changing.db "SELECT count(*) FROM v_items WHERE model = 'changing'")" -eq 0 ] || fail "changed weights answered"

# An index of passages.
cat >open.yaml <<END
cache: cache
models: [{id: t, path: "synth:tiny", quantizations: [q8_0]}]
suites: [{triviaqa: {data: models/world/triviaqa, limit: 2, retrieval: {build_from: models/world/triviaqa/evidence}}}]
defaults: {threads: 1}
END
expect 0 "$PHIBENCH" run open.yaml --db open.db
index=$(echo cache/passages-*.db)
flip "$index" 9000
again index.db "$index" open
python3 -c 'import os, sys; os.truncate(sys.argv[1], os.path.getsize(sys.argv[1]) // 2)' "$index"
again half.db "$index" open
: >"$index"
again none.db "$index" open

# Logits to compare with: those of a chunk, of a file that is cut, and of one that is something else.
cat >logits.yaml <<END
models: [{id: t, path: "synth:tiny", quantizations: [f16, q8_0]}]
suites: [{perplexity: {data: $text, context: 64, limit: 4, reference: f16}}]
defaults: {threads: 1}
END
expect 0 "$PHIBENCH" run logits.yaml --db logits.db
divergence='SELECT group_concat(score) FROM (SELECT score FROM v_scores ORDER BY metric, subset, quantization)'
undisturbed=$(sqlite3 logits.db "$divergence")
kept=$(echo references/*.logits)
for harm in flip cut header empty; do
    case $harm in
    flip) flip "$kept" -70000 ;;
    cut) python3 -c 'import os, sys; os.truncate(sys.argv[1], os.path.getsize(sys.argv[1]) - 70000)' "$kept" ;;
    header) flip "$kept" 30 ;;
    empty) : >"$kept" ;;
    esac
    expect 0 "$PHIBENCH" run logits.yaml --db "logits-$harm.db"
    [ $harm = empty ] || message_has 'damaged'
    found=$(sqlite3 "logits-$harm.db" "$divergence")
    [ "$found" = "$undisturbed" ] || fail "$harm: other divergences: $found in place of $undisturbed"
done
finish
