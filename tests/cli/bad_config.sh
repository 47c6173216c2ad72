#!/bin/sh
# Configurations and command lines that are wrong: one message with the place, exit 2, before a model is loaded or a file made.
. "$(dirname "$0")/../support/cli.sh"

model='models:\n  - id: m\n    path: synth:tiny:q4_0\nsuites:\n'
plain="$model"'  - mmlu: {data: models/demo-mmlu, shots: 0}\n'

# refused YAML MESSAGE: the configuration, as printf writes it, is refused with that line.
refused() {
    printf "$1" >c.yaml
    expect 2 "$PHIBENCH" run c.yaml
    message "$2"
}

refused '' 'c.yaml:1:1: the configuration is empty'
refused '# nothing\n' 'c.yaml:2:1: the configuration is empty'
refused '[]\n' 'c.yaml:1:1: the configuration must be a map (key: value), but this is a list'
refused "naem: x\n$plain" 'c.yaml:1:1: unknown key "naem" in the configuration: did you mean "name"?'
refused "name: a\nname: b\n$plain" 'c.yaml:2:1: the key "name" stands here a second time'
refused "name: [x]\n$plain" 'c.yaml:1:7: name must be text, but this is a list'
refused "models:\n\t- id: m\n" 'c.yaml:2:1: a tab: YAML indents with spaces'
refused "name: a\n# \377\n$plain" 'c.yaml:2:3: this is not UTF-8'
refused "name: a\nb\001\n$plain" 'c.yaml:2:2: a control character has no place here'
refused "a: &x [*x]\n" 'c.yaml:1:4: anchors (&name) are not accepted: write values out'
refused "$plain---\nname: b\n" 'c.yaml:6:1: a second document: one file is one configuration'
refused "defaults: {threads: two}\n$plain" 'c.yaml:1:21: threads must be an integer, but this is text, two'
refused "defaults: {threads: -1}\n$plain" 'c.yaml:1:21: threads must be between 0 and 1024, but this is -1'
refused "defaults: {batch_tokens: 99999999999999999999}\n$plain" \
    'c.yaml:1:26: batch_tokens must be between 1 and 65536, but this is 99999999999999999999'
refused "defaults: {kv_budget: 10}\n$plain" \
    'c.yaml:1:23: kv_budget must be between 1048576 and 17592186044416, but this is 10'
refused "report: {out: c.yaml}\n$plain" 'c.yaml:1:15: out: c.yaml is a file, not a folder'
refused "models: [{id: m, path: nowhere.gguf}]\nsuites:\n  - throughput: {}\n" \
    'c.yaml:1:24: path: there is no file or folder nowhere.gguf'
refused "models: [{id: m, path: \"\${PHIBENCH_NOT_SET}/m.gguf\"}]\nsuites:\n  - throughput: {}\n" \
    'c.yaml:1:24: the environment variable PHIBENCH_NOT_SET is not set; set it, or write ${PHIBENCH_NOT_SET:-FOLDER} to give it a default'
refused "$model  - mmul: {data: models/demo-mmlu}\n" 'c.yaml:5:5: there is no suite "mmul": did you mean "mmlu"?'
refused "$model  - throughput: {models: [other]}\n" 'c.yaml:5:26: there is no model "other"'
refused "$model  - mmlu: {data: nowhere}\n" 'c.yaml:5:18: data: there is no file or folder nowhere'
refused "$model  - mmlu: {data: models/demo-mmlu, shots: 4.5}\n" \
    'c.yaml:5:43: shots must be an integer, but this is a number, 4.5'
refused "$model  - mmlu: {data: models/demo-mmlu, protocol: hendriks}\n" \
    'c.yaml:5:46: mmlu has no protocol "hendriks": did you mean "hendrycks"?'
refused "$model  - triviaqa: {data: models/demo-mmlu, protocol: hendrycks}\n" \
    'c.yaml:5:50: triviaqa has no protocol "hendrycks" (known: official, lm-eval, phi3)'
refused "$model  - mmlu: {data: models/demo-mmlu, system: Be brief}\n" 'c.yaml:5:36: system goes with chat: true'
refused "$model  - arc_easy: {data: models/demo-mmlu, chat: false, fewshot_as_multiturn: true}\n" \
    'c.yaml:5:53: fewshot_as_multiturn goes with chat: true'
refused "$model  - mmlu: {data: models/demo-mmlu, chat: phi3}\n" 'c.yaml:5:42: chat: unknown value "phi3" (known: false, true)'
refused "$model  - perplexity: {data: models/README.md, chat: true}\n" \
    'c.yaml:5:42: unknown key "chat" in suite perplexity (known: models, data, context, limit, reference, save_reference)'
trivia='  - triviaqa: {data: models/world/triviaqa, retrieval:'
refused "$model$trivia {top_k: 3}}\n" "c.yaml:5:56: retrieval takes the index to search, index: FILE, or \
the texts to make one of, build_from: FILE or FOLDER"
refused "$model$trivia {index: a.db, top_k: 0}}\n" 'c.yaml:5:77: top_k must be between 1 and 100, but this is 0'
refused "$model$trivia {build_from: nowhere}}\n" 'c.yaml:5:69: build_from: there is no file or folder nowhere'
refused "$model  - triviaqa: {data: models/demo-mmlu}\n" \
    'models/demo-mmlu: there is no file whose name ends in dev.json (while loading suite triviaqa)'
refused "$model  - throughput: {prompt: [5000]}\n" \
    'c.yaml:5:17: 5128 tokens do not fit the context of synth:tiny:q4_0, 2048 tokens'

# wrong MESSAGE ARGUMENT...: a right configuration, but that command line is refused.
printf "$plain" >c.yaml
wrong() {
    text=$1
    shift
    expect 2 "$PHIBENCH" run c.yaml "$@"
    message "$text"
}

wrong 'phibench: --limit must be between 1 and 2147483647, not -1' --limit -1
wrong 'phibench: --limit must be between 1 and 2147483647, not 99999999999' --limit 99999999999
wrong 'phibench: --limit must be between 1 and 2147483647, not 0' --limit 0
wrong 'phibench: --threads must be between 1 and 1024, not 0' --threads 0
wrong 'phibench: --threads takes an integer, not "x"' --threads x
wrong 'phibench: --fresh and --resume contradict each other' --fresh --resume
wrong 'phibench: --set takes KEY=VALUE, as in --set defaults.threads=1, not "shots"' --set shots
wrong '--set name=: a value is missing after the =' --set name=
wrong '--set suites.9.shots=1: "9" is no position in a list of 1 (0 is the first)' --set suites.9.shots=1
wrong '--set suites.0.shots=x: shots must be an integer, but this is text, x' --set suites.0.shots=x
wrong 'c.yaml:2:5: context 4000000 is more than the 2048 tokens that synth:tiny:q4_0 was made for' \
    --set models.0.context=4000000
wrong 'phibench: the database needs the name of a file' --db ''

expect 2 env PHIBENCH_ISA=avx3 "$PHIBENCH" run c.yaml
message "phibench: unknown instruction set 'avx3': expected scalar, avx2, avxvnni, avx512, avx512vnni or neon (while reading PHIBENCH_ISA)"

expect 2 "$PHIBENCH" run nowhere.yaml
message 'nowhere.yaml: cannot open: No such file or directory'
expect 2 "$PHIBENCH" run models
message 'models: cannot read: Is a directory'

# Files that are none, or too large, and texts that are no UTF-8: none is waited for.
mkfifo pipe.yaml
for path in pipe.yaml /dev/zero; do
    expect 2 timeout 20 "$PHIBENCH" run $path
    message "$path: this is a pipe, a device or a socket: a regular file is expected"
done
printf 'models: [{id: m, path: pipe.yaml}]\nsuites:\n  - throughput: {}\n' >c.yaml
expect 1 timeout 20 "$PHIBENCH" run c.yaml
message 'pipe.yaml: not a file: expected a GGUF file'
head -c 1048577 /dev/zero | tr '\0' '#' >large.yaml
expect 2 "$PHIBENCH" run large.yaml
message 'large.yaml: the file is larger than the limit of 1048576 bytes'
refused '\377\376n\0' 'c.yaml:1:1: this is a text in UTF-16: save it as UTF-8'
printf "\357\273\277naem: x\n$plain" >c.yaml
expect 2 "$PHIBENCH" run c.yaml
message 'c.yaml:1:1: unknown key "naem" in the configuration: did you mean "name"?'
printf "\357\273\277$plain" >c.yaml
expect 0 "$PHIBENCH" run c.yaml --dry-run
printf 'models: [{id: m, path: "${LONG}/m.gguf"}]\nsuites:\n  - throughput: {}\n' >c.yaml
expect 2 env LONG="$(printf '%05000d' 0)" "$PHIBENCH" run c.yaml
message 'c.yaml:1:24: this is a path of more than 4096 bytes, with its variables expanded'
refused "models: [{id: m, path: \"$(printf '%05000d' 0)\"}]\nsuites:\n  - throughput: {}\n" \
    'c.yaml:1:24: this is a path of more than 4096 bytes'
[ ! -e out ] || fail "something was written"
finish
