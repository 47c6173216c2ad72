#!/bin/sh
# What bench prints: limits and percentages in every format, kernels alone, and options that contradict each other.
. "$(dirname "$0")/../support/cli.sh"

# has FILE PATTERN: a line of the output matches.
has() {
    grep -qE -- "$2" "$1" && return
    fail "no line like: $2"
    cat "$1"
}

model='bench -m synth:tiny:q8_0 -p 16 -n 4 -b 1,2 -t 1 -r 2'
# shellcheck disable=SC2086
{
    expect 0 "$PHIBENCH" $model
    has stdout '^limits, threads +read GB/s +int8 GMAC/s +f32 GMAC/s$'
    has stdout '^ +1( +[0-9.]+ \([0-9.]+\.\.[0-9.]+\)){3}$'
    has stdout '^test .* GB/s +GMAC/s +% of limit +MiB$'
    has stdout '^prefill +16 +0 +1 +1 +[0-9.]+ tok/s +[0-9.]+\.\.[0-9.]+( +[0-9.]+){3} +[0-9]+$'
    [ "$(grep -c 'limit_' stdout)" -eq 0 ] || fail "limits among the tests"

    expect 0 "$PHIBENCH" $model -o csv --db speeds.db
    has stdout ',gb_per_s,gmac_per_s,percent_of_limit,frequency_mhz,foreign_share$'
    has stdout '^synth:tiny:q8_0,q8_0,[a-z0-9]+,limit_read,0,0,1,1,2,'
    awk -F, 'NF != 17 { exit 1 }' stdout || fail "not 17 columns"
    awk -F, '$4 ~ /^(prefill|decode|batched_decode)$/ && $15 <= 0 { exit 1 }' stdout || fail "no percentage"
    awk -F, '$4 ~ /^(load|first_token|limit_)/ && $15 != "" { exit 1 }' stdout || fail "a percentage of no rate"
    expect 0 "$PHIBENCH" show --db speeds.db
    has stdout 'limits of the machine: mean \(lowest to highest\)'
    has stdout '^ *1 +[a-z0-9]+ +1( +[0-9.]+ \([0-9.]+ to [0-9.]+\)){3}$'

    expect 0 "$PHIBENCH" $model -o jsonl
    has stdout '"test":"limit_f32".*"gb_per_s":null,"gmac_per_s":[0-9.]+,"percent_of_limit":null'
}

expect 0 "$PHIBENCH" bench -m synth:tiny:q8_0 -p 16 -n 0 -r 1 --no-limits
[ "$(grep -c 'limit' stdout)" -eq 1 ] || fail "limits that nobody asked for"
has stdout '^prefill +16 '
[ "$(grep -c decode stdout)" -eq 0 ] || fail "decode that nobody asked for"
expect 2 "$PHIBENCH" bench -m synth:tiny:q8_0 -n 0,4
has stderr '--generate: 0 \(none\) stands beside other values'

expect 0 "$PHIBENCH" bench --kernels --only rms_norm -t 1,2 -r 2
has stdout '^kernels of [a-z0-9]+$'
has stdout '^ +1( +[0-9.]+ \([0-9.]+\.\.[0-9.]+\)){3}$'
[ "$(grep -c '^rms_norm f32  *64  *[12] ' stdout)" -eq 2 ] || fail "not two rows"
expect 0 "$PHIBENCH" bench --kernels --only q2_k -r 3 -o csv
for tokens in 1 8 32 512; do
    [ "$(grep -cE "^kernels,,[a-z0-9]+,kernel:gemm q2_k,$tokens,0,1,1,[0-2],[0-9]+,0,(,[0-9.e+]+){4},$" stdout)" -eq 3 ] ||
        fail "not three repetitions of $tokens tokens"
done
awk -F, 'NR > 1 && $4 == "limit_int8" && $8 == 1 { n++ } END { exit n != 4 }' stdout || fail "not four limits"
expect 0 "$PHIBENCH" bench --kernels --only rope -r 1 -o json --isa scalar --db kernels.db
has stdout '"isa": "scalar"'
has stdout '"foreign_share": null'
has stdout '"percent_of_limit": null'
expect 0 "$PHIBENCH" bench --kernels --only q8_0 -r 2 -o jsonl --db kernels.db
[ "$(grep -c '"test":"kernel:gemm q8_0"' stdout)" -eq 8 ] || fail "not one line each repetition"
expect 0 "$PHIBENCH" export --db kernels.db --table speed last
[ "$(grep -c 'kernel:gemm q8_0' stdout)" -eq 8 ] || fail "not every repetition is stored"
expect 0 "$PHIBENCH" show --db kernels.db
has stdout '^run +kernel +tokens +threads +isa +median µs'
has stdout '^2 +gemm q8_0 +512 +1 +[a-z0-9]+ +[0-9.]+ +[0-9.]+ to [0-9.]+( +[0-9.]+){3} +2$'
has stdout 'limits of the machine: mean \(lowest to highest\)'
[ "$(grep -c 'synthetic' stdout)" -eq 0 ] || fail "kernels among the models"
expect 0 "$PHIBENCH" report --db kernels.db --out kernels
has kernels/kernels.csv '^2,gemm q8_0,512,1,'
[ "$(grep -c '<svg' kernels/index.html)" -eq 0 ] || fail "a chart of kernels"

expect 2 "$PHIBENCH" bench --kernels --only softmax
message 'phibench: no kernel is called "softmax"'
expect 2 "$PHIBENCH" bench --kernels -m synth:tiny:q8_0
message_has '--kernels takes no --model'
expect 2 "$PHIBENCH" bench -m synth:tiny:q8_0 --only rope
message 'phibench: --only belongs to --kernels, which is not there'
expect 2 "$PHIBENCH" bench --kernels -o xml
message 'phibench: unknown format "xml": table, json, jsonl, csv or md'
finish
