#!/bin/sh
# The embedded family, quantized: the perplexities of tests/golden/family_perplexity.tsv, digit by digit.
# `tests/cli/family.sh --print` with PHIBENCH=PROGRAM prints that table, for models that were trained anew.
. "$(dirname "$0")/../support/cli.sh"
needs python3

types="f16, q8_0, q6_k, q5_k, q4_k, q4_0, q3_k, q2_k"
{
    echo 'models:'
    for model in mini small medium; do
        echo "  - {id: $model, path: models/$model.gguf, quantizations: [$types]}"
    done
    echo 'suites: [{perplexity: {data: models/world/text/heldout.txt, context: 256, limit: 4}}]'
} >family.yaml
expect 0 "$PHIBENCH" run family.yaml --db family.db --set cache=cache
"$PHIBENCH" export last --db family.db --table scores --format csv >scores.csv
{
    printf 'model\tquantization\tperplexity\n'
    python3 -c '
import csv
for row in csv.DictReader(open("scores.csv")):
    if row["metric"] == "ppl":
        print(row["model"], row["quantization"], "%.9g" % float(row["score"]), sep="\t")' | sort
} >found.tsv
if [ "${1-}" = --print ]; then
    cat found.tsv
    exit
fi
diff "$top/tests/golden/family_perplexity.tsv" found.tsv || fail "other perplexities than the golden ones"
[ "$(wc -l <found.tsv)" -eq 25 ] || fail "not 24 of them"
finish
