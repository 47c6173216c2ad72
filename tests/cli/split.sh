#!/bin/sh
# Split models: every command and a configuration take any of the files for all of them; one hash is of them all; what is
# missing or another's is one line with the file. The shards are those of tests/golden/split.
. "$(dirname "$0")/../support/cli.sh"
PHIBENCH_CACHE=$work/cache
export PHIBENCH_CACHE
golden=$top/tests/golden
cp "$golden"/split/*.gguf .
first=llama-tied-00001-of-00004.gguf second=llama-tied-00002-of-00004.gguf last=llama-tied-00004-of-00004.gguf

expect 0 "$PHIBENCH" inspect $second
grep -qx 'files            4' stdout || fail "inspect does not say 4 files: $(head -n 3 stdout)"
grep -qx 'architecture     llama, golden llama-tied, seed 5' stdout || fail 'the metadata are not those of the first file'
expect 0 "$PHIBENCH" inspect --json $last
grep -q '"files": 4' stdout || fail 'inspect --json does not count the files'
"$PHIBENCH" inspect --tensors $first | sed -n '/^[0-9]* tensors$/,$p' >of_shards
"$PHIBENCH" inspect --tensors "$golden/llama-tied.gguf" | sed -n '/^[0-9]* tensors$/,$p' >of_whole
cmp of_shards of_whole || fail 'the shards have other tensors than the whole'

# The same model for everybody who loads one.
for model in $first $second $last; do
    expect 0 "$PHIBENCH" logits -m $model --ids 1,2,3 -o bin
    mv stdout of_shards
    expect 0 "$PHIBENCH" logits -m "$golden/llama-tied.gguf" --ids 1,2,3 -o bin
    cmp of_shards stdout || fail "$model: other logits than the whole"
done
expect 0 "$PHIBENCH" quantize $second made.gguf --type f16
expect 0 "$PHIBENCH" quantize "$golden/llama-tied.gguf" wanted.gguf --type f16
cmp made.gguf wanted.gguf || fail 'quantize makes another file of the shards'
expect 2 "$PHIBENCH" quantize $first $last --type f16
message "$last: cannot write a model over itself"

# A configuration, which hashes, makes and keeps. The hash is of all files: answers are known when another one is named.
cat >split.yaml <<END
models: [{id: split, path: $first, quantizations: [f32, f16]}]
suites: [{perplexity: {data: text, context: 16, limit: 2}}]
defaults: {threads: 1}
END
i=0
while [ $i -lt 100 ]; do
    printf 'a b c '
    i=$((i + 1))
done >text
expect 0 "$PHIBENCH" run split.yaml --db split.db
ls cache/llama-tied-*-f16-*.gguf >/dev/null || fail 'no file was made of the shards'
expect 0 "$PHIBENCH" run split.yaml --db split.db --set "models.0.path=$last"
[ "$("$PHIBENCH" export last --db split.db --table jobs | grep -c '"computed": *0[,}]')" -eq 2 ] ||
    fail "answers were computed again: $("$PHIBENCH" export last --db split.db --table jobs)"

# A file that is missing, cut, or another one.
mv $second away.gguf
expect 1 "$PHIBENCH" logits -m $first --ids 1
message "$second: shard 2 of 4 of the model is missing: download it, too, for $first is only a part"
expect 1 "$PHIBENCH" run split.yaml --db split.db
message_has "$second: shard 2 of 4 of the model is missing"
expect 1 "$PHIBENCH" inspect away.gguf
message 'away.gguf: the file is shard 2 of 4 of a split model, whose name must end in -00002-of-00004.gguf, beside the others: rename it, or download it again'
cp $last $second
expect 1 "$PHIBENCH" generate -m $first -p a
message "$second: the file is shard 4 of 4: expected shard 2 of 4; download it again"
head -c 20000 away.gguf >$second
expect 1 "$PHIBENCH" generate -m $first -p a
message_has "bytes of data that the file has (while opening shard 2 of 4, which can be downloaded again by itself)"
finish
