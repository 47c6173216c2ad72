#!/bin/sh
# Suites that are asked in the model's chat format: a protocol of their own, never compared with the plain one; the same
# bits with and without shared prefixes; graded again; refused where there is no chat, before anything is loaded.
. "$(dirname "$0")/../support/cli.sh"

mmlu='mmlu: {data: models/world/mmlu, subjects: [astronomy], limit: 3, protocol: lm-eval'
cat >config.yaml <<END
models: [{id: tiny, path: "synth:tiny", quantizations: [q8_0, q4_0], chat: phi3}]
suites:
  - $mmlu, shots: 2}
  - $mmlu, shots: 2, chat: true}
  - $mmlu, shots: 2, chat: true, fewshot_as_multiturn: false}
  - $mmlu, shots: 0, chat: true, system: Be brief.}
  - triviaqa: {data: models/world/triviaqa, protocol: phi3, shots: 1, limit: 2, chat: true, retrieval: {build_from: models/world/text/heldout.txt}}
  - winogrande: {data: $top/tests/golden/tasks/winogrande.jsonl, shots: 1, chat: true}
  - gsm8k: {data: $top/tests/golden/tasks/gsm8k.jsonl, shots: 1, limit: 1, chat: true, fewshot_as_multiturn: false}
END
expect 0 "$PHIBENCH" run config.yaml --dry-run
cut -d: -f1 stdout | grep q4_0 >found
cat >wanted <<'END'
tiny q4_0 mmlu/lm-eval 2-shot
tiny q4_0 mmlu/lm-eval+chat-multiturn 2-shot
tiny q4_0 mmlu/lm-eval+chat 2-shot
tiny q4_0 mmlu/lm-eval+chat+system-213c22ed 0-shot
tiny q4_0 triviaqa/phi3+chat-multiturn 1-shot
tiny q4_0 triviaqa/phi3+chat-multiturn-open-book 1-shot
tiny q4_0 winogrande/lm-eval+chat-multiturn 1-shot
tiny q4_0 gsm8k/lm-eval+chat 1-shot
END
diff wanted found || fail "other jobs"

hashes() {
    "$PHIBENCH" export last --db "$1" --table jobs | sed -nE 's/.*"logits_hash": ?"([^"]+).*/\1/p'
}
expect 0 "$PHIBENCH" run config.yaml --db a.db
expect 0 "$PHIBENCH" run config.yaml --db b.db --no-prefix-sharing --set defaults.batch_tokens=7 -t 1
hashes a.db >a
hashes b.db >b
[ "$(sort -u a | wc -l)" -eq 16 ] || fail "not every job has a hash of its own"
cmp -s a b || fail "other bits without shared prefixes"

# Without examples there is nothing to put into turns: one job, which repeats the other.
cat >twice.yaml <<END
models: [{id: tiny, path: "synth:tiny:q8_0"}]
suites:
  - $mmlu, shots: 0, chat: true}
  - $mmlu, shots: 0, chat: true, fewshot_as_multiturn: false}
END
expect 2 "$PHIBENCH" run twice.yaml --dry-run
message 'twice.yaml:4:11: this suite repeats the one in line 3'

# What was written is graded again, to the same scores.
"$PHIBENCH" export last --db a.db --table scores >before
expect 0 "$PHIBENCH" regrade last --db a.db
"$PHIBENCH" export last --db a.db --table scores >after
diff before after || fail "other scores when graded again"

# The report pairs closed and open book in the chat, and shows each way of asking as a measure of its own.
expect 0 "$PHIBENCH" report --db a.db --out report
grep -q 'lm-eval+chat-multiturn' report/index.html || fail "the report does not name the chat"
grep -q 'phi3+chat-multiturn' report/open-book.csv || fail "the chat's books are not paired"

# No chat without a template, nor choices in a server's.
cat >none.yaml <<END
models: [{id: bare, path: $top/tests/golden/phi3-gqa.gguf}]
suites:
  - $mmlu, chat: true}
END
expect 2 "$PHIBENCH" run none.yaml
message_has 'none.yaml:1:10: the model'"'"'s file has no chat template: name a built-in format'
cat >server.yaml <<END
models: [{id: far, api: {base_url: "http://127.0.0.1:9/v1", model: m, logprobs: echo}}]
suites:
  - $mmlu, chat: true}
END
expect 2 "$PHIBENCH" run server.yaml
message 'server.yaml:3:11: mmlu/lm-eval+chat scores choices, and a server gives no log-probabilities of what stands in a chat: leave chat out, or ask a model of this machine'
cat >server.yaml <<END
models: [{id: far, api: {base_url: "http://127.0.0.1:9/v1", model: m, endpoint: completions}}]
suites:
  - triviaqa: {data: models/world/triviaqa, chat: true}
END
expect 2 "$PHIBENCH" run server.yaml
message 'server.yaml:3:15: triviaqa/official+chat is asked in a chat, which the endpoint completions of far has not: endpoint: chat is possible'

finish
