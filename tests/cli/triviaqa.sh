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

# Open book: the closed book comes with it, unless it is asked for; the index is built once.
cat >open.yaml <<END
name: open
db: open.db
models:
  - {id: tiny, path: "synth:tiny:q8_0"}
suites:
  - triviaqa: {data: models/world/triviaqa, protocol: official, limit: 8,
               retrieval: {build_from: models/world/triviaqa/evidence, top_k: 1, max_tokens: 250}}
  - triviaqa: {data: models/world/triviaqa, protocol: official, limit: 8}
report: {out: open}
END
expect 0 "$PHIBENCH" run open.yaml --dry-run
message_has 'building cache/passages-'
message_has ': 482 passages'
[ "$(grep -c 'official' stdout)" -eq 2 ] || fail "not one closed and one open book: $(cat stdout)"
expect 0 "$PHIBENCH" run open.yaml
grep -q building stderr && fail "the index was built twice"
grep -q '^open book against closed book' stdout || fail "no comparison: $(cat stdout)"
grep -q 'official-open-book-1x250 0-shot: 16 answers' stderr || fail "another name: $(cat stderr)"
grep -q '^tiny.*,em,16,' open/open-book.csv || fail "not 16 questions in both: $(cat open/open-book.csv)"
expect 0 "$PHIBENCH" export last --db open.db --table responses
[ "$(grep -c '"context":"[A-Z]' stdout)" -eq 16 ] || fail "not 16 answers with something to read"
expect 0 "$PHIBENCH" regrade last --db open.db
[ "$(grep -c '16 answers, 0 verdicts changed' stdout)" -eq 2 ] || fail "graded otherwise without the index"
hits=$(sqlite3 open.db "SELECT score FROM v_scores WHERE metric = 'retrieval_hit' AND subset = ''")
[ "$hits" = 100.0 ] || fail "found $hits percent of the answers, which stand in pages of their own"
expect 0 "$PHIBENCH" run open.yaml --limit 1 --db limited.db
[ "$(sqlite3 limited.db 'SELECT group_concat(items) FROM v_jobs')" = 2,2 ] || fail "--limit limits otherwise"

# An index by name needs no texts; what is none says so.
sed 's,build_from: [^,]*,index: no.db,' open.yaml >named.yaml
expect 1 "$PHIBENCH" run named.yaml --dry-run
message_has 'no.db: the index of passages refuses: unable to open database file'
cp cache/passages-*.db no.db
expect 0 "$PHIBENCH" run named.yaml --dry-run
cp open.db no.db
expect 1 "$PHIBENCH" run named.yaml --dry-run
message_has 'no.db: this is no index of passages of this version of phibench'

# Predictions that were made elsewhere.
cat >dev.json <<END
{"Data": [{"QuestionId": "a_1", "Question": "?", "Answer": {"Aliases": ["The Cat"]}, "EntityPages": [
           {"Filename": "x.txt"}, {"Filename": "y.txt"}]},
          {"QuestionId": "a_2", "Question": "?", "Answer": {"Aliases": ["Two words"]}, "EntityPages": [
           {"Filename": "z.txt"}]}], "Domain": "Web"}
END
echo '{"a_1": "cat", "a_2": "words", "a_3": "none"}' >predictions.json
expect 0 "$PHIBENCH" score-predictions predictions.json --data dev.json
cat >wanted <<END
exact match  50.00
F1           83.33
answered     2 of 2 questions; of these exact match 50.00, F1 83.33
left over    1 predictions that answer nothing that is asked
END
diff wanted stdout || fail "other scores than wanted"
echo '{"a_1--x.txt": "cat", "a_2--z.txt": "two words!"}' >predictions.json
expect 0 "$PHIBENCH" score-predictions predictions.json --data dev.json --json
[ "$(cat stdout)" = '{"exact_match":66.66666666666667,"f1":66.66666666666667,"exact_match_of_answered":100,'\
'"f1_of_answered":100,"common":2,"denominator":3,"pred_len":2}' ] || fail "by page: $(cat stdout)"
echo '{"a_1": 3}' >predictions.json
expect 1 "$PHIBENCH" score-predictions predictions.json --data dev.json
message 'predictions.json: the prediction of "a_1" is not a string'
expect 2 "$PHIBENCH" score-predictions predictions.json
message 'phibench: --data is missing: the questions and their answers'

official=$PHIBENCH_DATA/triviaqa
if [ -e "$official/official_triviaqa_sample.json" ]; then
    # One page of the question's two has a prediction, and it is right.
    expect 0 "$PHIBENCH" score-predictions "$official/official_sample_predictions.json" \
        --data "$official/official_triviaqa_sample.json"
    grep -q '^exact match  50.00$' stdout || fail "the official sample: $(cat stdout)"
    grep -q 'answered     1 of 2 pages; of these exact match 100.00, F1 100.00' stdout ||
        fail "the official sample: $(cat stdout)"
else
    echo "SKIP: no shared data triviaqa"
fi
finish
