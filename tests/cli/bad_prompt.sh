#!/bin/sh
# Prompts and ids that no model takes are refused with one line and exit 2; bytes that are not UTF-8, or none, are taken.
. "$(dirname "$0")/../support/cli.sh"

# refused MESSAGE COMMAND OPTION...
refused() {
    text=$1 command=$2
    shift 2
    expect 2 "$PHIBENCH" "$command" -m synth:tiny:q4_0 "$@"
    message "phibench: $text"
}

long=$(printf '%03000d' 0)
bytes=$(printf 'a\377b')
refused 'the prompt has 3002 tokens, the context only 2048' generate -p "$long"
refused 'the prompt has 3002 tokens, the context only 2048' logits -p "$long"
refused "context and continuation do not fit the model's context" score --context "$long" --continuation ' a'
refused 'the prompt has 3 tokens, the context only 2' generate -p x --context-tokens 2
refused 'a context of 100000 tokens: the model was made for 2048 at most' generate -p x --context-tokens 100000
refused '--context-tokens must be between 0 and 16777216, not 99999999999' generate -p x --context-tokens 99999999999
refused '--batch-tokens must be between 1 and 65536, not 100000000' generate -p x --batch-tokens 100000000
refused '--threads must be between 0 and 1024, not 1025' generate -p x --threads 1025
refused '-n must be between 0 and 16777216, not -1' generate -p x -n -1
refused '--temp must be between 0 and 100, not -1' generate -p x --temp -1
refused '--temp takes a number, not "nan"' generate -p x --temp nan
refused 'the prompt is empty and the model adds no BOS token' generate -p '' --no-bos
refused 'there is no token before the continuation to score it after: the context is empty, and --no-bos was given' \
    score --context '' --continuation a --no-bos
refused 'there is no token before the continuation to score it after: the context is empty, and --no-bos was given' \
    score --context '  ' --continuation a --no-bos
refused "context and continuation do not fit the model's context" score --context '' --continuation "$long"
refused '--continuation is empty: there is nothing to score' score --context a --continuation ''
refused '--image goes with --chat: pictures stand before what the user says' generate -p x --image a.jpg
refused "synth:tiny:q4_0 has no eyes: to look at a.jpg takes a model of Phi-3-vision's kind" generate -p x --chat --image a.jpg
refused '--num-crops goes with --image' generate -p x --chat --num-crops 4
refused '--ids: 512 is not between 0 and 511' logits --ids 1,512
refused '--ids takes integers separated by commas, not "a"' logits --ids a
refused 'logits needs either a text, -p TEXT, or ids, --ids 1,2,3' logits
refused '--prompt: 0 is not between 1 and 4194304' bench -p 0
expect 2 "$PHIBENCH" bench -m synth:tiny:q4_0 -p 3000 -n 4
message_has "phibench: 3004 tokens do not fit the model's context of 2048"
expect 2 sh -c 'echo 1 99999 | "$0" detokenize -m synth:tiny:q4_0' "$PHIBENCH"
message 'phibench: token 99999 is not in the vocabulary of 512'
expect 1 sh -c 'echo 1 x 2 | "$0" detokenize -m synth:tiny:q4_0' "$PHIBENCH"
message 'phibench: standard input: "x" is no token id'

# The first token comes from the prompt: a speed needs a second one. -n 0 shows the prompt and computes nothing.
expect 0 "$PHIBENCH" generate -m synth:tiny:q4_0 -p a -n 1 --ignore-end --json
grep -q '"decode_tokens_per_s": null' stdout || fail 'a speed of no steps'
expect 0 "$PHIBENCH" generate -m synth:tiny:q4_0 -p a -n 2 --ignore-end --json
grep -q '"decode_tokens_per_s": [0-9]' stdout || fail 'no speed of one step'
expect 0 "$PHIBENCH" generate -m synth:tiny:q4_0 -p a --chat --system b -n 0
printf '<|system|>\nb<|end|>\n<|user|>\na<|end|>\n<|assistant|>\n\n' >wanted
cmp -s stdout wanted || fail 'generate -n 0 shows another prompt'
expect 0 "$PHIBENCH" generate -m synth:tiny:q4_0 -p a --no-bos -n 0 --json
tr -d ' \n' <stdout >line
printf 'a' | "$PHIBENCH" tokenize -m synth:tiny:q4_0 --no-bos | tr ' ' , | sed 's/.*/"prompt_ids":[&]}/' >wanted
grep -qF "$(cat wanted)" line && grep -qF '"prompt":"a","prompt_tokens":' line || fail 'generate -n 0 --json'

expect 0 "$PHIBENCH" generate -m synth:tiny:q4_0 -p '' -n 2
expect 0 "$PHIBENCH" generate -m synth:tiny:q4_0 -p "$bytes" -n 2
expect 0 sh -c 'printf "a\377b\000c" | "$0" tokenize -m synth:tiny:q4_0 --no-bos >ids && "$0" detokenize -m synth:tiny:q4_0 <ids' "$PHIBENCH"
printf 'a\377b\000c' >wanted
head -c 5 stdout | cmp -s - wanted || fail 'bytes that are not UTF-8 do not come back'
finish
