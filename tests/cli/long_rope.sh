#!/bin/sh
# Models with LongRoPE: what the file is said to be, which factors an option or a key takes, and that answers of another choice
# are asked anew, but of no model that has no choice. (Logits against the reference: tests/unit/test_longrope.c.)
. "$(dirname "$0")/../support/cli.sh"

model=$top/tests/golden/longrope-phi3.gguf # made for 64 tokens, stretched to 2048
expect 0 "$PHIBENCH" inspect "$model"
grep -q '^context          2048 tokens, LongRoPE beyond 64$' stdout || fail "inspect: $(grep context stdout)"
expect 2 "$PHIBENCH" logits -m "$model" --ids 1 --rope linear
message_has 'phibench: --rope takes auto, short or long, not "linear"'

ids=1
i=0
while [ $i -lt 79 ]; do
    ids=$ids,$((3 + i * 7 % 80))
    i=$((i + 1))
done
hash_of() { # TOKENS OPTIONS...: of all logits of so many tokens
    n=$1
    shift
    "$PHIBENCH" logits -m "$model" --ids "$(echo $ids | cut -d, -f "1-$n")" --all -o bin "$@" 2>stderr | sha256sum
}
same() {
    [ "$1" = "$2" ] || fail "$3"
}
same "$(hash_of 64)" "$(hash_of 64 --rope short)" "64 tokens are not rotated by the short factors"
same "$(hash_of 65)" "$(hash_of 65 --rope long)" "65 tokens are not rotated by the long factors"
same "$(hash_of 80)" "$(hash_of 80 --batch-tokens 3 -t 1)" "chunks differ"
[ "$(hash_of 80)" != "$(hash_of 80 --rope short)" ] || fail "the factors make no difference"

# A generation across the border is the same whatever is computed together, and goes on as a whole prompt would.
generate() {
    expect 0 "$PHIBENCH" generate -m "$model" -p The_quick_brown_fox_jumps_over_the_lazy_dog_and_then_sleeps -n 12 --ignore-end "$@"
}
generate --json
grep -q '"prompt_tokens": 61' stdout || fail "other tokens: $(grep prompt_tokens stdout)"
generate
cp stdout expected
for options in '-t 1' '--batch-tokens 5' '--isa scalar'; do
    generate $options
    cmp -s expected stdout || fail "$options generates another text"
done
generate --rope long
! cmp -s expected stdout || fail "the factors make no difference to a text"

# A chunk of a text is a prompt of its length; what bench decodes may cross the border.
printf 'The_quick_brown_fox_jumps_over_the_lazy_dog.%.0s' 1 2 3 4 5 6 7 8 >text
perplexity_of() {
    "$PHIBENCH" perplexity -m "$model" -f text --json --db perplexity.db "$@" 2>stderr | grep '"score":'
}
[ -n "$(perplexity_of -c 64)" ] || fail "no perplexity"
same "$(perplexity_of -c 64)" "$(perplexity_of -c 64 --rope short)" "chunks of 64 tokens are not rotated by the short factors"
same "$(perplexity_of -c 96)" "$(perplexity_of -c 96 --rope long)" "chunks of 96 tokens are not rotated by the long factors"
[ "$(perplexity_of -c 96)" != "$(perplexity_of -c 96 --rope short)" ] || fail "the factors make no difference to a perplexity"
expect 0 "$PHIBENCH" bench -m "$model" -p 60,100 -n 8 -b 2 -t 1 -r 1
expect 0 "$PHIBENCH" quantize "$model" weighted.gguf --type q8_0 --imatrix-from text # whose windows are long

# Answers of another choice are no answers to this one.
cat >config.yaml <<END
models: [{id: m, path: synth:tiny-long:q8_0, rope: auto}, {id: other, path: synth:tiny:q8_0, rope: auto}]
suites: [needle: {words: [20], depths: [50], count: 2}]
END
expect 0 "$PHIBENCH" run config.yaml --db rope.db
expect 0 "$PHIBENCH" run config.yaml --db rope.db --set models.0.rope=long --set models.1.rope=long
message_has 'other q8_0 needle/plain 0-shot: 2 answers taken over from earlier runs'
! grep -q 'm q8_0 .* taken over' stderr || fail "answers with other factors are taken over"
expect 0 "$PHIBENCH" run config.yaml --db rope.db
message_has 'm q8_0 needle/plain 0-shot: 2 answers taken over from earlier runs'
expect 0 "$PHIBENCH" audit config.yaml --set models.0.rope=short
grep -q '^  long rope    short ones at every length (of 4096 tokens)$' stdout || fail "audit does not tell the factors"
expect 2 "$PHIBENCH" run config.yaml --set models.0.rope=middle
message_has 'rope'
finish
