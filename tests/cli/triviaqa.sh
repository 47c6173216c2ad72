#!/bin/sh
# TriviaQA from configuration to report: generations are stored, graded in two metrics, and graded again the same.
. "$(dirname "$0")/../support/cli.sh"

cat >config.yaml <<END
name: trivia
db: trivia.db
models:
  - {id: tiny, path: "synth:tiny:q8_0"}
suites:
  - triviaqa: {data: models/world/triviaqa/dev.json, protocol: phi3, limit: 20}
  - triviaqa: {data: models/world/triviaqa, protocol: lm-eval, shots: 2, sources: [hidden], limit: 5}
report: {out: page}
END
expect 0 "$PHIBENCH" run config.yaml --dry-run
grep -q 'tiny q8_0 triviaqa/phi3 5-shot: 40 items' stdout || fail "not 20 questions of two sources: $(cat stdout)"
grep -q 'tiny q8_0 triviaqa/lm-eval 2-shot: 5 items' stdout || fail "not 5 questions: $(cat stdout)"
expect 0 "$PHIBENCH" run config.yaml

scores() {
    expect 0 "$PHIBENCH" export last --db trivia.db --table scores --format csv
    cut -d, -f6-10,14 stdout
}
cat >wanted <<END
suite,subset,protocol,shots,metric,n
triviaqa,,lm-eval,2,em,5
triviaqa,hidden,lm-eval,2,em,5
triviaqa,,lm-eval,2,em_macro,5
triviaqa,,phi3,5,em,40
triviaqa,hidden,phi3,5,em,20
triviaqa,known,phi3,5,em,20
triviaqa,,phi3,5,em_macro,40
triviaqa,,phi3,5,f1,40
triviaqa,hidden,phi3,5,f1,20
triviaqa,known,phi3,5,f1,20
triviaqa,,phi3,5,f1_macro,40
END
scores | diff wanted - || fail "other scores than wanted"
grep -q 'triviaqa.*f1' page/scores.csv || fail "no F1 in the report: $(cat page/scores.csv)"

# Random weights know nothing, but their answers end somewhere, and nothing was scored by likelihood.
expect 0 "$PHIBENCH" export last --db trivia.db --table notes --format csv
grep -q ',phi3,unfinished,' stdout || fail "no count of unfinished answers"
grep -q 'join_spanned' stdout && fail "choices were counted where there are none"
expect 0 "$PHIBENCH" export last --db trivia.db --table responses
grep -q '"stop":"[.,]"' stdout || fail "no answer of lm-eval ended at a mark: $(head -n 3 stdout)"

# An accepted answer in place of what the model said: regrading finds it, in both metrics.
sqlite3 trivia.db "UPDATE response SET content = json_set(content, '\$.text', ' The Cliff!') WHERE id = 1" || exit 77
expect 0 "$PHIBENCH" regrade last --db trivia.db
grep -q '^job 1 (triviaqa): 40 answers, 1 verdicts changed$' stdout || fail "regraded otherwise: $(cat stdout)"
expect 0 "$PHIBENCH" regrade last --db trivia.db
grep -q 'job 1 (triviaqa): 40 answers, 0 verdicts changed' stdout || fail "not the same twice: $(cat stdout)"
[ "$(sqlite3 trivia.db "SELECT group_concat(metric || ' ' || score) FROM v_scores WHERE protocol = 'phi3' AND
    subset = 'known'")" = 'em 5.0,f1 5.0' ] || fail "the scores do not know of it"

# The same bits whatever the batch and the threads.
hash_of() {
    expect 0 "$PHIBENCH" run config.yaml --fresh --db "$1.db" --set "$2"
    sqlite3 "$1.db" 'SELECT logits_hash FROM v_jobs ORDER BY job'
}
[ "$(hash_of one defaults.threads=1)" = "$(hash_of small defaults.batch_tokens=32)" ] || fail "other logits"
finish
