#!/bin/sh
# The archipelago's data are those of its generator, which makes the same bytes twice, and no baseline beats chance by much.
. "$(dirname "$0")/../support/cli.sh"

needs python3
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
generate="$top/tools/world/generate.py"

expect 0 python3 "$generate" verify models/world
verified=$(grep -o 'sha256 .*' stdout)
for hash_seed in 1 2; do # the order of Python's sets must not show
    expect 0 env PYTHONHASHSEED=$hash_seed python3 "$generate" write again-$hash_seed
    [ "$(grep -o 'sha256 .*' stdout)" = "$verified" ] || fail "the generator made other bytes: $(cat stdout)"
done
expect 0 diff -r again-1 again-2

# A byte that differs, a file that is missing and one too many are seen.
echo >>again-1/text/heldout.txt
rm again-1/mmlu/val/astronomy_val.csv
touch again-1/mmlu/extra.csv
expect 1 python3 "$generate" verify again-1
message_has 'text/heldout.txt differs from what the generator makes'
message_has 'mmlu/val/astronomy_val.csv is missing'
message_has 'mmlu/extra.csv is not of the generator'

expect 0 python3 "$generate" check
grep -q ' 0 of them in [1-9][0-9]\{6\} characters' stdout || fail "the search for leaks read too little"
cat stdout
expect 0 env PYTHONHASHSEED=3 python3 "$generate" train --bytes 300000
mv stdout first
expect 0 env PYTHONHASHSEED=4 python3 "$generate" train --bytes 300000
cmp -s first stdout || fail "the training text is another one the second time"

# Training and phibench see the same tokens; the GGUF writer of the trainer is understood.
expect 0 python3 "$top/tools/world/check_tokenizer.py" "$PHIBENCH" .
cat stdout

# phibench reads all of it: every question, in all four categories, without a prompt that is too long.
cat >config.yaml <<END
name: world
db: world.db
models:
  - {id: tiny, path: "synth:tiny:q8_0"}
suites:
  - mmlu: {data: models/world/mmlu, protocol: hendrycks, shots: 5}
  - mmlu: {data: models/world/mmlu, protocol: phi3, shots: 5, split: val}
END
expect 0 "$PHIBENCH" run config.yaml --dry-run
grep -q 'mmlu/hendrycks 5-shot: 2160 items' stdout || fail "not all questions: $(cat stdout)"
grep -q 'mmlu/phi3 5-shot: 270 items' stdout || fail "not all of val: $(cat stdout)"
finish
