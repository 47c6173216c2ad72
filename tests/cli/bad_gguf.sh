#!/bin/sh
# Model files that are cut off or have a wrong bit: one message that begins with the file, exit 1 or 2, and never a signal.
# A wrong bit may also go unnoticed (in a name, in a weight): then the commands work.
. "$(dirname "$0")/../support/cli.sh"

"$PHIBENCH" synth tiny --type q4_0 whole.gguf >stdout || fail 'no model to spoil'
size=$(wc -c <whole.gguf)
table_end=$(grep -abo 'output.weight' whole.gguf | tail -n 1 | cut -d : -f 1)
table_end=$((table_end + 13 + 4 + 16 + 4 + 8)) # name, number of dimensions, two of them, type, offset
[ "$table_end" -gt 10000 ] && [ "$table_end" -lt "$size" ] || fail "the header ends at $table_end of $size"

# survives WHAT COMMAND...: done, or exactly one line of error that names the file.
survives() {
    what=$1
    shift
    "$@" >stdout 2>stderr </dev/null
    status=$?
    case $status in
    0) return ;;
    1 | 2) [ "$(wc -l <stderr)" -eq 1 ] && grep -q '^x.gguf: ' stderr && return ;;
    esac
    fail "$what: status $status of $*"
    head -n 5 stderr
}

# Cut off: everywhere in the header, at its end, and in the weights.
i=0
while [ $i -lt 60 ]; do
    cut=$((i < 50 ? i * table_end / 49 : table_end + (i - 49) * (size - table_end) / 11))
    head -c $cut whole.gguf >x.gguf
    expect 1 "$PHIBENCH" inspect x.gguf
    [ "$(wc -l <stderr)" -eq 1 ] || fail "not one line for a file of $cut bytes"
    message_has 'x.gguf: byte '
    i=$((i + 1))
done
head -c $((size - 1)) whole.gguf >x.gguf
expect 1 "$PHIBENCH" generate -m x.gguf -p x
message "x.gguf: byte $((size - 816128)): tensor 'output.weight' (offset 742400, 73728 bytes) does not fit into the 816127 bytes of data that the file has"

# One wrong bit: a third each in the first keys, in all of the header, and in the table of tensors.
# put BYTE POSITION: writes one byte of x.gguf.
put() {
    printf "\\$(printf %03o "$1")" | dd of=x.gguf bs=1 seek="$2" conv=notrunc 2>/dev/null
}
cp whole.gguf x.gguf
accepted=0
i=0
while [ $i -lt 201 ]; do
    case $((i % 3)) in
    0) at=$((i * 5)) ;;
    1) at=$((i * table_end / 201)) ;;
    2) at=$((table_end - 1 - i * 4)) ;;
    esac
    byte=$(od -An -tu1 -j "$at" -N 1 whole.gguf | tr -d ' ')
    put $((byte ^ (1 << i / 3 % 8))) "$at"
    survives "bit $((i / 3 % 8)) of byte $at" "$PHIBENCH" inspect x.gguf
    if [ $status -eq 0 ]; then
        accepted=$((accepted + 1))
        survives "bit $((i / 3 % 8)) of byte $at" "$PHIBENCH" logits -m x.gguf --ids 1,2 -t 1
    fi
    put "$byte" "$at"
    i=$((i + 1))
done
cmp whole.gguf x.gguf || fail 'the test did not mend what it broke'
echo "$accepted of 201 wrong bits passed inspect"
[ $accepted -gt 20 ] && [ $accepted -lt 180 ] || fail 'the wrong bits did not fall where they should'

# A tensor that points outside of the file.
at=$((table_end - 8))
put 64 $((at + 3))
expect 1 "$PHIBENCH" inspect x.gguf
message "x.gguf: byte $((size - 816128)): tensor 'output.weight' (offset 1074484224, 73728 bytes) does not fit into the 816128 bytes of data that the file has"

# A model that cannot run: inspect says why, as loading does, and shows what it can.
cp whole.gguf x.gguf
at=$(grep -abo 'tokenizer.ggml.model' whole.gguf | head -n 1 | cut -d : -f 1)
put 120 $((at + 20 + 4 + 8)) # the first letter of "llama"
expect 2 "$PHIBENCH" generate -m x.gguf -p a
message 'x.gguf: not supported yet: the tokenizer kind "xlama"'
expect 0 "$PHIBENCH" inspect x.gguf
grep -q '^not runnable *not supported yet: the tokenizer kind "xlama"$' stdout || fail 'inspect does not say why'
grep -q '^architecture *phi3, ' stdout || fail 'inspect does not show the shape'
expect 0 "$PHIBENCH" inspect x.gguf --json
grep -q '"unsupported": "not supported yet: the tokenizer kind' stdout || fail 'inspect --json does not say why'
expect 0 "$PHIBENCH" inspect whole.gguf
grep -q 'not runnable' stdout && fail 'inspect says that what runs does not'

# What is no model at all.
echo 'name: demo' >x.gguf
expect 1 "$PHIBENCH" inspect x.gguf
message 'x.gguf: byte 0: not a GGUF file: it does not begin with "GGUF"'
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n' >x.gguf
expect 1 "$PHIBENCH" generate -m x.gguf -p a
message 'x.gguf: byte 0: not a GGUF file but a Git LFS pointer: fetch the model with "git lfs pull"'
echo '<!DOCTYPE html><html></html>' >x.gguf
expect 1 "$PHIBENCH" inspect x.gguf
message 'x.gguf: byte 0: not a GGUF file but an HTML page: download the model itself'
mkdir folder
expect 1 "$PHIBENCH" inspect folder
message 'folder: the folder has no config.json: expected a GGUF file, or a Hugging Face folder'
expect 1 "$PHIBENCH" inspect nowhere.gguf
message 'nowhere.gguf: cannot open: No such file or directory'
expect 2 "$PHIBENCH" inspect synth:huge:q4_0
message_has "phibench: unknown shape 'huge': expected one of phi-3-mini, "

finish
