#!/bin/sh
# A job's logits hash is the same with and without shared prefixes, in every batch, with every number of threads and on
# every instruction set, and another for other weights; each way computes exactly the tokens that --dry-run foretells.
. "$(dirname "$0")/../support/cli.sh"

cat > config.yaml <<END
models: [{id: tiny, path: "synth:tiny", quantizations: [q4_0]}]
suites:
  - mmlu: {data: models/demo-mmlu, protocol: hendrycks, shots: 5, limit: 8}
END
"$PHIBENCH" run config.yaml --dry-run > plan || fail "no plan"
naive=$(sed -nE 's/.* items, ([0-9]+) tokens, .*/\1/p' plan)
shared=$(sed -nE 's/.* tokens, ([0-9]+) with shared prefixes.*/\1/p' plan)
[ "$naive" -gt $((3 * shared)) ] || fail "nothing to share: $naive and $shared tokens"

# column NAME RUN: a value of the run's only job.
column() {
    "$PHIBENCH" export "$2" --db a.db --table jobs | sed -nE "s/.*\"$1\": ?\"?([^\",}]+).*/\1/p"
}

# check TOKENS OPTIONS...: a run that computes so many tokens, to the first one's hash.
hash=
check() {
    tokens=$1
    shift
    expect 0 "$PHIBENCH" run config.yaml --db a.db "$@"
    [ "$(column computed_tokens last)" = "$tokens" ] || fail "$* computes other tokens: $(column computed_tokens last)"
    [ "$(column naive_tokens last)" = "$naive" ] || fail "$* counts other naive tokens"
    [ -n "$hash" ] || hash=$(column logits_hash last)
    message_has "tiny q4_0 mmlu/hendrycks 5-shot: logits hash $hash"
    [ "$(column logits_hash last)" = "$hash" ] || fail "$* stores another hash than it prints"
}
check "$shared" -t 1
[ ${#hash} -eq 64 ] || fail "no hash: $hash"
message_has " answers in "
message_has " tokens computed, "
message_has "in place of $naive ("
check "$naive" -t 1 --no-prefix-sharing # takes no answers over, though they are there
check "$naive" -t 2 --fresh --no-prefix-sharing
for batch in 1 7 512; do
    check "$shared" -t 2 --fresh --set defaults.batch_tokens=$batch
done
check "$naive" -t 1 --fresh --set defaults.prefix_sharing=false --set defaults.batch_tokens=7
for isa in scalar avx2 avxvnni avx512 avx512vnni; do
    "$PHIBENCH" logits -m synth:tiny:f16 --ids 1 --isa $isa >/dev/null 2>&1 || continue
    check "$shared" -t 1 --fresh --isa $isa
done
check 0 -t 1 # all taken over, with their hashes
message_has "answers taken over from earlier runs"

# A part of the answers taken over: the hash goes over the items in their order, whoever computed them.
expect 0 "$PHIBENCH" run config.yaml --db b.db -t 1 --limit 3
expect 0 "$PHIBENCH" run config.yaml --db b.db -t 1
message_has "logits hash $hash"

"$PHIBENCH" export last --db a.db --table responses | grep -Ec '"logits_hash": ?"[0-9a-f]{64}"' >n_hashes
"$PHIBENCH" export last --db a.db --table responses | wc -l >n_responses
cmp -s n_hashes n_responses || fail "$(cat n_hashes) of $(cat n_responses) responses have a hash"
expect 0 "$PHIBENCH" show last --db a.db
grep -q "$hash" stdout || fail "show does not print the hash"

# Other weights, another hash.
sed 's/synth:tiny/synth:tiny::7/' config.yaml > other.yaml
expect 0 "$PHIBENCH" run config.yaml --db a.db -t 1 --fresh --set models.0.path=synth:tiny:q4_0:7 \
    --set 'models.0.quantizations=[q4_0]'
grep -q 'logits hash' stderr || fail "no hash of other weights"
grep -q "$hash" stderr && fail "other weights have the same hash"
expect 2 "$PHIBENCH" run config.yaml --set defaults.prefix_sharing=perhaps
finish
