#!/bin/sh
# quantize: every type and mixture, with a calibration text too; bad input; and the types that a configuration asks for,
# made once, kept in the cache, shared by two processes, never half written.
. "$(dirname "$0")/../support/cli.sh"
PHIBENCH_CACHE=$work/cache
export PHIBENCH_CACHE

# type_of FILE TENSOR
type_of() {
    "$PHIBENCH" inspect "$1" --tensors | awk -v name="$2" '$1 == name { print $2 }'
}

expect 0 "$PHIBENCH" synth tiny --type f16 tiny.gguf
for type in f32 f16 bf16 q8_0 q4_0 q4_1 q5_0 q5_1 q2_k q3_k q4_k q5_k q6_k iq4_nl iq4_xs mxfp4 q4_k_m q5_k_m; do
    expect 0 "$PHIBENCH" quantize tiny.gguf made.gguf --type $type
    grep -q "^made.gguf: $type, [0-9.]* MB, [0-9.]* bits a weight$" stdout || fail "$type: says $(cat stdout)"
    [ ! -s stderr ] || fail "$type: says $(cat stderr)"
    "$PHIBENCH" inspect made.gguf | grep -q "^quantization  *$type," || fail "$type: a file of another type"
    [ "$(type_of made.gguf blk.0.attn_norm.weight)" = f32 ] || fail "$type: norms are not f32"
    expect 0 "$PHIBENCH" logits -m made.gguf --ids 1,2,3 -o bin
    mv stdout file.bin
    expect 0 "$PHIBENCH" logits -m quantize:$type:tiny.gguf --ids 1,2,3 -o bin
    cmp -s stdout file.bin || fail "$type: the file is not the model that its spec is"
done

# Neither threads nor the instruction set leave a trace in a file; weights leave one.
expect 0 "$PHIBENCH" quantize tiny.gguf one.gguf --type q3_k --threads 1
expect 0 "$PHIBENCH" quantize tiny.gguf three.gguf --type q3_k --threads 3
cmp one.gguf three.gguf || fail "threads change the file"
expect 0 "$PHIBENCH" quantize tiny.gguf weighted-1.gguf --type q3_k --threads 1 --isa scalar \
    --imatrix-from models/world/README.md
expect 0 "$PHIBENCH" quantize tiny.gguf weighted-3.gguf --type q3_k --threads 3 --imatrix-from models/world/README.md
cmp weighted-1.gguf weighted-3.gguf || fail "threads or instruction set change the file of a calibrated model"
"$PHIBENCH" inspect weighted-1.gguf | grep -q '^  quantize.imatrix.entries_count  *9$' || fail "9 matrices were not weighed"
"$PHIBENCH" inspect one.gguf | grep -q imatrix && fail "a file without weights speaks of them"
cmp -s one.gguf weighted-1.gguf && fail "the calibration text has no effect"

# Rows of 48 values, which only f16 takes.
expect 0 "$PHIBENCH" quantize "$top/tests/golden/llama-tied.gguf" tied.gguf --type q4_0
message_has "llama-tied.gguf: rows of 48 values are no whole blocks of q4_0: f16 in its place"
expect 0 "$PHIBENCH" quantize one.gguf again.gguf --type f16
message "phibench: warning: one.gguf: made from q3_k, whose own errors stay"

# What is wrong is said, and nothing is written.
rm -f made.gguf
expect 2 "$PHIBENCH" quantize tiny.gguf made.gguf
message 'phibench: quantize needs a type: --type q4_k'
expect 2 "$PHIBENCH" quantize tiny.gguf made.gguf --type q4
message_has "unknown tensor type 'q4': expected one of f32, f16"
expect 1 "$PHIBENCH" quantize missing.gguf made.gguf --type q4_k
message 'missing.gguf: cannot open: No such file or directory'
expect 1 "$PHIBENCH" quantize configs/synthetic.yaml made.gguf --type q4_k
message 'configs/synthetic.yaml: byte 0: not a GGUF file: it does not begin with "GGUF"'
expect 2 "$PHIBENCH" quantize tiny.gguf ./tiny.gguf --type q4_k
message './tiny.gguf: cannot write a model over itself'
expect 1 "$PHIBENCH" quantize tiny.gguf made.gguf --type q4_k --imatrix-from missing.txt
message_has 'missing.txt'
: >empty.txt
expect 1 "$PHIBENCH" quantize tiny.gguf made.gguf --type q4_k --imatrix-from empty.txt
message_has 'the calibration text is empty'
expect 1 "$PHIBENCH" quantize tiny.gguf no/folder/made.gguf --type q4_k
expect 1 sh -c 'ulimit -f 200; trap "" XFSZ; "$0" quantize tiny.gguf made.gguf --type q8_0' "$PHIBENCH"
message_has 'made.gguf: cannot write'
[ ! -e made.gguf ] || fail "a file was written in spite of a fault"
ls ./*.tmp-* 2>/dev/null && fail "a half written file was left"

# Ctrl-C leaves nothing behind.
"$PHIBENCH" quantize synth:phi-3-mini:q4_0 big.gguf --type q2_k --threads 1 2>stderr &
pid=$!
wait_until [ -s big.gguf.tmp-$pid ]
kill -INT $pid
wait $pid
[ $? -eq 130 ] || fail "an interrupted quantize exits with 130"
message_has 'big.gguf: interrupted: nothing was written'
ls big.gguf* 2>/dev/null && fail "an interrupted quantize left a file"

# A configuration's types.
cat >types.yaml <<END
models: [{id: tiny, path: tiny.gguf, quantizations: [f16, q4_k, q2_k]}]
suites: [{mmlu: {data: models/demo-mmlu, shots: 0, limit: 1}}]
defaults: {threads: 1}
END
expect 0 "$PHIBENCH" run types.yaml --dry-run
grep -qx 'tiny q2_k: 0.5427 MB, quantized from tiny.gguf' stdout || fail "--dry-run does not say what is made"
[ ! -e cache ] || fail "--dry-run made something"

"$PHIBENCH" run types.yaml --db first.db >first.out 2>first.err &
pid=$!
expect 0 "$PHIBENCH" run types.yaml --db second.db
wait $pid || fail "two processes at once: the other one failed: $(tail -n 3 first.err)"
[ "$(ls cache/tiny-*.gguf | wc -l)" -eq 2 ] || fail "not two files: $(ls cache)"
[ "$(cat first.err stderr | grep -c 'making q[24]_k of')" -eq 2 ] || fail "not each file made once"
"$PHIBENCH" show last --db second.db >shown
for type in f16 q4_k q2_k; do grep -q "$type" shown || fail "$type is not in the table"; done
expect 0 "$PHIBENCH" quantize tiny.gguf made.gguf --type q2_k
n_bytes=$(wc -c <made.gguf) # behind them the cache's file has its seal
cmp -n "$n_bytes" made.gguf cache/tiny-q2_k-*.gguf || fail "the cache has another file than quantize writes"
[ "$(tail -c 8 cache/tiny-q2_k-*.gguf)" = phiseal1 ] || fail "something else than a seal follows"

# Answers that are stored need no file; a changed source is another one; the configuration's folder comes first.
rm -r cache
expect 0 "$PHIBENCH" run types.yaml --db second.db
[ ! -e cache ] || fail "a file was made for answers that are stored"
expect 0 "$PHIBENCH" synth tiny --type f16 --seed 2 tiny.gguf
expect 0 "$PHIBENCH" run types.yaml --db second.db --set cache=own
[ "$(ls own/tiny-*.gguf | wc -l)" -eq 2 ] || fail "not two files in the configuration's folder"
[ ! -e cache ] || fail "the configuration's folder was ignored"

expect 2 "$PHIBENCH" run types.yaml --set 'models.0.quantizations=[f32]'
message '--set models.0.quantizations=[f32]: f32 has more bits than f16, which tiny.gguf holds'
expect 2 env -u PHIBENCH_CACHE -u XDG_CACHE_HOME -u HOME "$PHIBENCH" run types.yaml --db third.db
message_has 'no place for quantized files: give the configuration a folder as `cache`, or set PHIBENCH_CACHE'
expect 0 env -u PHIBENCH_CACHE XDG_CACHE_HOME="$work/xdg" "$PHIBENCH" run types.yaml --db third.db
[ -e xdg/phibench/lock ] || fail "not in the folder of XDG_CACHE_HOME: $(ls -R xdg)"
finish
