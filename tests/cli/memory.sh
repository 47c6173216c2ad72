#!/bin/sh
# A model that memory has no room for is refused before it is loaded, with the figures, in every command; the other models
# of a configuration are answered all the same. Needs a machine with less memory than phi-3-medium's 32-bit weights take.
. "$(dirname "$0")/../support/cli.sh"
needed_kib=$((51 * 1024 * 1024))
free_kib=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
if [ "${free_kib:-$needed_kib}" -ge $needed_kib ]; then
    echo "SKIP: this machine has room for the largest model of the test"
    exit 77
fi
large=synth:phi-3-medium-128k:f32

# refused TEXT COMMAND...: exit 1, and one line on the weights of the large model, which begins so.
refused() {
    text=$1
    shift
    expect 1 "$@"
    [ "$(wc -l <stderr)" -eq 1 ] || fail "not one line: $(cat stderr)"
    grep -qE "^$large: the model needs 51\.[0-9]+ GiB of memory for its weights$text, but only [0-9.]+ GiB are free: take a" stderr ||
        fail "another message: $(cat stderr)"
}
refused '' "$PHIBENCH" generate -m $large -p x
refused ' and 0\.[0-9]+ for a context of 4096 tokens' "$PHIBENCH" generate -m $large -p x --context-tokens 4096
refused ' and 1\.[0-9]+ for a context of 4096 tokens' "$PHIBENCH" logits -m $large --ids 1 --context-tokens 4096 --kv f32
refused '' "$PHIBENCH" bench -m $large -p 8 -n 1 -r 1
refused '' "$PHIBENCH" score -m $large --context a --continuation b

cat >large.yaml <<END
models: [{id: large, path: $large, context: 256}, {id: tiny, path: "synth:tiny:q4_0"}]
suites: [{mmlu: {data: models/demo-mmlu, shots: 0, limit: 1}}]
defaults: {threads: 1}
END
expect 1 "$PHIBENCH" run large.yaml --db large.db
message_has "$large: the model needs 51."
message_has 'for a context of 256 tokens, but only'
"$PHIBENCH" export last --db large.db --table jobs | grep '"model": *"tiny"' | grep -q '"answered": *4[,}]' ||
    fail 'the small model was not answered'
finish
