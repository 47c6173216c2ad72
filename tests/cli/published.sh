#!/bin/sh
# Measured scores beside published ones: found by the model's name, judged by protocol, shots and interval; names that no
# table has are refused.
. "$(dirname "$0")/../support/cli.sh"

cat >c.yaml <<'END'
models:
  - {id: mini, path: "synth:tiny:q8_0", published: "Phi-3-mini-4k-instruct (Apr 2024)"}
  - {id: plain, path: "synth:tiny:f16"}
suites:
  - mmlu: {data: models/demo-mmlu, protocol: phi3, shots: 2}
  - throughput: {prompt: 60, generate: 4, batch: [1, 4], threads: [1, 2], repeat: 2}
END
expect 0 "$PHIBENCH" run c.yaml --db p.db --limit 2 --set report.out=report
grep -q '^measured beside published$' stdout || fail "no table of published numbers"
# Three sources with the same number in one row; the weights are random.
grep '^mini q8_0 (synthetic)  mmlu, phi3, 2 shots' stdout | grep '68.8  not comparable: random weights' >row
[ "$(wc -l <row)" -eq 1 ] || fail "not one row for 68.8"
for source in azureml-assets ea9c661 'tech report'; do
    grep -qF "$source" row || fail "without its source $source: $(cat row)"
done
grep -q '69.08  not comparable' stdout || fail "no second number, of another protocol"
sed -n '/^measured beside published$/,/^$/p' stdout | grep -q '^plain ' &&
    fail "published numbers of a model that names none"
# Rates: the nearest of each program and machine to the faster number of threads, none of which is of this machine.
grep '^mini q8_0 (synthetic)  decode 4 after 60, [12] thread' stdout >rows
[ "$(wc -l <rows)" -eq 8 ] || fail "not 8 rates of decoding: $(cat stdout)"
grep -q ' 14.47  not comparable: on Azure F64s v2 (64 vCPU), here .*Phi-3-mini-4k-instruct ORT INT4, decode 256 after 64 on' rows ||
    fail "not the rate after 64 tokens: $(cat rows)"
[ "$(grep -c '^mini q8_0 (synthetic)  decode 4, 4 together after 60, .*4 together on A100-80GB' stdout)" -eq 6 ] ||
    fail "not 6 rates of four sequences"
grep -q '^mini,*.*prefill' report/published-speed.csv && fail "a rate of prompts, of which none is published"
grep -q 'Speed beside published' report/index.html || fail "no published speeds in the page"
grep -q 'Measured beside published' report/index.html report/report.md || fail "not in the report"

expect 2 "$PHIBENCH" run c.yaml --db p.db --set 'models.0.published=Phi-3-mini-4k-instruct (Apr 2023)'
message_has 'there are no published numbers of "Phi-3-mini-4k-instruct (Apr 2023)": did you mean "Phi-3-mini-4k-instruct (Apr 2024)"?'
expect 2 "$PHIBENCH" run c.yaml --db p.db --set 'models.0.published=nothing that resembles any of them at all'
message_has 'among those of'
finish
