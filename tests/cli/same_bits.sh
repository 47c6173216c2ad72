#!/bin/sh
# One SHA-256 of all logits for every instruction set, thread count and chunk, by type. (Batches across sequences and shared
# prefixes: tests/unit/test_session.c.)
. "$(dirname "$0")/../support/cli.sh"

ids=1
i=0
while [ $i -lt 70 ]; do
    ids=$ids,$((3 + i * 7 % 400))
    i=$((i + 1))
done

hash_of() {
    "$PHIBENCH" logits --ids "$ids" --all -o bin "$@" 2>stderr | sha256sum | cut -d ' ' -f 1
}

for model in tiny:f16 tiny:q8_0 tiny:q4_0 tiny:q4_k tiny:iq4_xs tiny-qwen2:q4_k tiny-phi3small:q4_k tiny-phimoe:q4_k; do
    reference=$(hash_of -m "synth:$model" --isa scalar -t 1 --batch-tokens 512)
    [ ${#reference} -eq 64 ] || fail "no logits for $model"
    for isa in scalar avx2 avxvnni avx512 avx512vnni neon; do
        "$PHIBENCH" logits -m synth:tiny:f16 --ids 1 --isa $isa >/dev/null 2>&1 || {
            echo "this machine has no $isa"
            continue
        }
        for threads in 1 2; do
            for chunk in 1 3 512; do
                other=$(hash_of -m "synth:$model" --isa $isa -t $threads --batch-tokens $chunk)
                [ "$other" = "$reference" ] || fail "$model differs with $isa, $threads threads, chunk $chunk"
            done
        done
    done
    echo "$model $reference"
done
finish
