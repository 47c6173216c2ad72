#!/bin/sh
# Hugging Face folders: every command and a configuration take one, as they take a GGUF file of the same weights, and get
# the same bits; convert writes such a file; what is wrong is one line with the file. Folders of tests/golden/hf, and
# TinyStories-656K, which was really trained.
. "$(dirname "$0")/../support/cli.sh"
PHIBENCH_CACHE=$work/cache
export PHIBENCH_CACHE
golden=$top/tests/golden
cp -R "$golden/hf" hf
i=0
while [ $i -lt 100 ]; do
    printf 'a b c '
    i=$((i + 1))
done >text

# same_logits MODEL MODEL [IDS]: bit for bit.
same_logits() {
    expect 0 "$PHIBENCH" logits -m "$1" --ids "${3:-1,2,3}" -o bin
    mv stdout logits
    expect 0 "$PHIBENCH" logits -m "$2" --ids "${3:-1,2,3}" -o bin
    cmp logits stdout || fail "$1: other logits than $2"
}

for name in llama-tied phi3-gqa qwen2-tied; do
    gguf=$golden/$name.gguf type=f32
    ids=$(tr ' ' , <"$golden/$name.ids")
    if [ $name != llama-tied ]; then gguf=quantize:bf16:$gguf type=bf16; fi
    same_logits hf/$name "$gguf" "$ids"
    expect 0 "$PHIBENCH" convert hf/$name $name.gguf
    grep -q "^$name.gguf: $type, [0-9.]* MB, [0-9.]* bits a weight$" stdout || fail "$name: says $(cat stdout)"
    same_logits $name.gguf hf/$name "$ids"
    for model in hf/$name $name.gguf; do
        expect 0 sh -c 'printf "a b-c</s>" | "$0" tokenize --special -m "$1"' "$PHIBENCH" $model
        cmp -s stdout tokens || [ $model = hf/$name ] || fail "$name: other tokens in the file than in the folder"
        mv stdout tokens
    done
    expect 0 "$PHIBENCH" convert hf/$name f16.gguf --type f16
    expect 0 "$PHIBENCH" quantize hf/$name wanted.gguf --type f16
    cmp f16.gguf wanted.gguf || fail "$name: convert and quantize write different files"
    same_logits f16.gguf quantize:f16:hf/$name "$ids"
done

expect 0 "$PHIBENCH" inspect hf/qwen2-tied
grep -qx 'files            6' stdout || fail "inspect does not count the files: $(head -n 3 stdout)"
grep -qx 'architecture     qwen2, qwen2-tied' stdout || fail "inspect names another model: $(cat stdout)"
same_logits hf/qwen2-tied hf/qwen2-tied/config.json
same_logits hf/qwen2-tied/model-00001-of-00003.safetensors hf/qwen2-tied/

# A configuration.
cat >hf.yaml <<END
models: [{id: folder, path: hf/qwen2-tied/, quantizations: [bf16, f16]}]
suites: [{perplexity: {data: text, context: 16, limit: 2}}]
defaults: {threads: 1}
END
expect 0 "$PHIBENCH" run hf.yaml --db hf.db
ls cache/qwen2-tied-f16-*.gguf >/dev/null || fail "no file was made of the folder: $(ls cache)"
expect 0 "$PHIBENCH" run hf.yaml --db hf.db
computed() {
    "$PHIBENCH" export last --db hf.db --table jobs | grep -c '"computed": *0[,}]'
}
[ "$(computed)" -eq 2 ] || fail 'answers were computed again'
printf '{"eos_token_id": 2}\n' >hf/qwen2-tied/generation_config.json
expect 0 "$PHIBENCH" run hf.yaml --db hf.db
[ "$(computed)" -eq 0 ] || fail 'a folder of other bytes has the answers of the one before'

# What is wrong is said, and nothing is written.
expect 2 "$PHIBENCH" convert hf/llama-tied hf/llama-tied/model.safetensors
message 'hf/llama-tied/model.safetensors: cannot write a model over itself'
expect 1 "$PHIBENCH" convert missing made.gguf
message 'missing: cannot open: No such file or directory'
expect 1 "$PHIBENCH" convert configs made.gguf
message 'configs: the folder has no config.json: expected a GGUF file, or a Hugging Face folder'
rm hf/qwen2-tied/model-00002-of-00003.safetensors
expect 1 "$PHIBENCH" convert hf/qwen2-tied made.gguf
message_has 'hf/qwen2-tied: the folder has no model-00002-of-00003.safetensors'
expect 1 "$PHIBENCH" run hf.yaml --db hf.db
message_has 'the folder has no model-00002-of-00003.safetensors'
head -c 100000 "$golden/hf/llama-tied/model.safetensors" >hf/llama-tied/model.safetensors
expect 1 "$PHIBENCH" generate -m hf/llama-tied -p a
message_has 'hf/llama-tied/model.safetensors: tensor'
message_has 'an unfinished download?'
[ ! -e made.gguf ] || fail 'a file was written in spite of a fault'

# A trained model: the same text and bits from the folder and from its file.
stories=$PHIBENCH_DATA/weights/TinyStories-656K
if [ ! -d "$stories" ]; then
    echo 'SKIP: no shared data with weights/TinyStories-656K'
    [ "$failures" -eq 0 ] || exit 1
    exit 77
fi
expect 0 "$PHIBENCH" convert "$stories" stories.gguf --type f32
same_logits "$stories" stories.gguf 1,330,409,264,532
same_logits "quantize:q8_0:$stories" quantize:q8_0:stories.gguf 1,330,409,264,532
expect 0 "$PHIBENCH" generate -m "$stories" -p 'Once upon a time' -n 60
mv stdout of_folder
expect 0 "$PHIBENCH" generate -m stories.gguf -p 'Once upon a time' -n 60
cmp of_folder stdout || fail 'the folder and its file tell different stories'
grep -q 'a little girl named Lily lived in a small house with her mom' stdout || fail "another story: $(cat stdout)"
finish
