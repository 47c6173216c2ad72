#!/bin/sh
# MT-bench in FastChat's files: a model answers, the rule judges, judgments are summarized; each step goes on where it
# stopped, and what is asked for wrongly is said so.
. "$(dirname "$0")/../support/cli.sh"

questions=models/world/mt_bench/question.jsonl
references=models/world/mt_bench/reference_answer/world.jsonl
answer() {
    expect 0 "$PHIBENCH" mt-bench answer --questions $questions -m synth:tiny:q8_0 -n 8 --id tiny --out a/tiny.jsonl "$@"
}
judge() {
    expect 0 "$PHIBENCH" mt-bench judge --questions $questions --answers a/tiny.jsonl --references $references \
        --rule reference-match --out j.jsonl "$@"
}

# Answers: what is there stays, what a killed process lacks is added; the seed is the choice's, whatever the order.
answer --limit 20
grep -q '^20 answers of tiny in a/tiny.jsonl; 0 were there before$' stdout || fail "other answers: $(cat stdout)"
cp a/tiny.jsonl whole
head -n 7 whole >a/tiny.jsonl
answer --limit 20
grep -q '^13 answers of tiny in a/tiny.jsonl; 7 were there before$' stdout || fail "not 13 answers: $(cat stdout)"
sed 's/"tstamp".*//' whole >one
sed 's/"tstamp".*//' a/tiny.jsonl >two
cmp -s one two || fail "answers differ when they are made in two parts"
answer --limit 1 --choices 2 --id again
grep -q '"model_id": "again", "choices": \[{"index": 0, "turns": \[.*\]}, {"index": 1, "turns"' a/tiny.jsonl ||
    fail "no second choice"
grep -v again a/tiny.jsonl >kept
mv kept a/tiny.jsonl

# Judgments by the rule, once for each turn however often it is asked.
judge
grep -q '^40 judgments by reference-match in j.jsonl, 0 without a score; 0 were there before$' stdout ||
    fail "other judgments: $(cat stdout)"
judge
grep -q '^0 judgments by reference-match' stdout || fail "judged a second time: $(cat stdout)"
judge --repeat 2
[ "$(wc -l <j.jsonl)" -eq 80 ] || fail "two judgments of 40 answers are $(wc -l <j.jsonl)"
# A judgment without a score is asked again, and then gone.
sed '3s/"score": [0-9.]*/"score": -1/' j.jsonl >broken
mv broken j.jsonl
expect 0 "$PHIBENCH" mt-bench summarize --judgments j.jsonl --json
grep -q '"missing": 1' stdout || fail "a missing judgment is not counted"
judge --repeat 2
[ "$(wc -l <j.jsonl)" -eq 80 ] || fail "not 80 judgments: $(wc -l <j.jsonl)"
expect 0 "$PHIBENCH" mt-bench summarize --judgments j.jsonl --questions $questions --json
grep -q '"missing": 0' stdout || fail "the missing judgment is still there"
grep -q '"not_judged": 120' stdout || fail "not 120 turns without a judgment"
grep -q '"judge_deviation": 0' stdout || fail "the rule has noise"

# A line that stands in two files counts once.
expect 0 "$PHIBENCH" mt-bench summarize --judgments j.jsonl --judgments j.jsonl
grep -q '^80 judgments stand in the files more than once: they count once$' stdout || fail "not told: $(cat stdout)"

# The references themselves have full marks in every category.
expect 0 "$PHIBENCH" mt-bench judge --data models/world/mt_bench --answers $references \
    --rule reference-match --out r.jsonl
expect 0 "$PHIBENCH" mt-bench summarize --judgments r.jsonl --questions $questions
[ "$(grep -c 'reference-match .*  10  10.00 to 10.00 ' stdout)" -eq 9 ] || fail "references below 10: $(cat stdout)"
expect 0 "$PHIBENCH" mt-bench summarize --judgments r.jsonl --against r.jsonl
grep -q '^agreement over 160 answers: 160 with the same score' stdout || fail "disagrees with itself: $(cat stdout)"

# The suite gives the answers that the command gives, and the same means by the rule.
expect 0 "$PHIBENCH" run configs/mt-bench.yaml --db m.db --limit 2 --set report.out=m --set suites.0.max_new_tokens=8
rows() {
    sqlite3 "$1" "SELECT item.key, response.content, verdict.score, response.logits_hash FROM response
        JOIN item ON item.id = item JOIN verdict ON verdict.response = response.id ORDER BY 1;
        SELECT depth, level, name, metric, score, low, high, n FROM score; SELECT logits_hash FROM job"
}
rows m.db >whole
grep -q '^81/2|' whole || fail "no second turn"
text=$(sqlite3 m.db "SELECT json_extract(content, '$.text') FROM response JOIN item ON item.id = item WHERE key = '81/2'")
grep -q '"question_id": 81' a/tiny.jsonl || fail "no answer to 81"
sqlite3 :memory: "SELECT json_extract(readfile('one.json'), '$.choices[0].turns[1]')" >/dev/null 2>&1
grep '"question_id": 81' a/tiny.jsonl >one.json
told=$(sqlite3 :memory: "SELECT json_extract(CAST(readfile('one.json') AS TEXT), '$.choices[0].turns[1]')")
[ "$(printf '%s' "$text" | xargs -0 printf '%s' | sed 's/^[[:space:]]*//;s/[[:space:]]*$//')" = "$told" ] ||
    fail "the suite says '$text', the command '$told'"

# A run that ended between the turns goes on to the same rows.
sqlite3 m.db "PRAGMA foreign_keys = ON; DELETE FROM response WHERE item IN (SELECT id FROM item WHERE key LIKE '%/2');
    DELETE FROM response WHERE item IN (SELECT id FROM item WHERE key = '91/1');
    DELETE FROM score; UPDATE job SET is_finished = 0; UPDATE run SET status = 'interrupted'"
expect 0 "$PHIBENCH" run configs/mt-bench.yaml --db m.db --limit 2 --set report.out=m --set suites.0.max_new_tokens=8
message_has "continuing run 1"
rows m.db >again
cmp -s whole again || fail "a run that was interrupted between the turns ends with other rows"

# A judge of this machine, which has nothing to say: what is missing is counted, and no mean is made of it.
mkdir data
cp -R models/world/mt_bench/. data
for name in single-v1 single-v1-multi-turn single-math-v1 single-math-v1-multi-turn \
    pair-v2 pair-v2-multi-turn pair-math-v1 pair-math-v1-multi-turn; do
    case $name in
    single*-multi-turn) field='{answer_1} {answer_2}' ;;
    single*) field='{answer}' ;;
    *-multi-turn) field='{question_2} | {answer_a_2} | {answer_b_2}' ;;
    *) field='{question} | {answer_a} | {answer_b}' ;;
    esac
    printf '{"name": "%s", "type": "single", "system_prompt": "Judge.", "prompt_template": "Rate %s", ' $name "$field"
    printf '"description": "", "category": "", "output_format": ""}\n'
done >data/judge_prompts.jsonl
sed 's|models/world/mt_bench|data|; s|rule: reference-match|model: "synth:tiny:q8_0", name: mute, max_new_tokens: 4|' \
    configs/mt-bench.yaml >judged.yaml
expect 0 "$PHIBENCH" run judged.yaml --db judged.db --limit 1 --set report.out=judged
[ "$(sqlite3 judged.db "SELECT group_concat(kind || ' ' || count) FROM note WHERE kind LIKE 'judg%'")" = \
    "judged 0,judgment_missing 16" ] || fail "other notes of a mute judge"
[ "$(sqlite3 judged.db "SELECT count(*), count(score) FROM v_judgments WHERE judge = 'mute'")" = "16|0" ] ||
    fail "not 16 judgments without a score"
[ "$(sqlite3 judged.db "SELECT count(*) FROM v_scores")" -eq 0 ] || fail "a mean of no judgments"
grep -q 'judge mute' judged/report.md || fail "the report does not name the judge"
sed 's|model: "synth:tiny:q8_0", name: mute|rule: coin|; s|, max_new_tokens: 4}|}|' judged.yaml >bad.yaml
expect 2 "$PHIBENCH" run bad.yaml --db judged.db
message 'bad.yaml:11:42: the rule of mt_bench is reference-match, not "coin"'
sed 's|, max_new_tokens: 4}|, rule: reference-match}|' judged.yaml >bad.yaml
expect 2 "$PHIBENCH" run bad.yaml --db judged.db
message 'bad.yaml:11:35: a judge is one of rule, api, model and import'

# Judgments that were made of the command's answers are those of the suite's: both say the same.
expect 0 "$PHIBENCH" mt-bench judge -d data -a a/tiny.jsonl -m synth:tiny:q8_0 --id elsewhere -n 1 -o said.jsonl
sed 's/"score": -1/"score": 7/' said.jsonl >scored.jsonl
sed 's|model: "synth:tiny:q8_0", name: mute|import: scored.jsonl|' judged.yaml >import.yaml
expect 0 "$PHIBENCH" run import.yaml --db judged.db --limit 1 --set report.out=imported --set suites.0.max_new_tokens=8
[ "$(sqlite3 judged.db "SELECT protocol, score, n FROM v_scores WHERE subset = '' AND metric = 'points'")" = \
    "judge elsewhere|7.0|4" ] || fail "other points: $(sqlite3 judged.db 'SELECT * FROM v_scores')"
grep -q 'imported from scored.jsonl' imported/report.md || fail "the report does not say where the points come from"
expect 0 "$PHIBENCH" run import.yaml --db judged.db --limit 1 --set report.out=imported --set suites.0.max_new_tokens=9
message_has 'scored.jsonl has no judgment of an answer of this model'

# Pairs of answers that differ: a quantization beside the first one of its model, or beside a file of answers; 81 is won, 91's first turn is a tie
# because the orders disagree, its second one is lost.
expect 0 "$PHIBENCH" mt-bench answer -d data -m synth:tiny:q2_k -n 8 --id full --out a/full.jsonl
expect 0 "$PHIBENCH" mt-bench judge -d data -a a/tiny.jsonl --baseline a/full.jsonl -m synth:tiny:q8_0 --id elsewhere -n 1 \
    -o pairs.jsonl
sed '/"question_id": 81,/s/"error"/"model_1"/g; /"question_id": 91,.*"turn": 1,/{s/"error"/"model_1"/; s/"error"/"model_2"/}
    /"question_id": 91,.*"turn": 2,/s/"error"/"model_2"/g' pairs.jsonl >>scored.jsonl
for baseline in tiny-synthetic a/full.jsonl; do
    rm -f judged.db
    sed "s|quantizations: .*|quantizations: [q2_k, q8_0]|; s|judge: {|baseline: $baseline, judge: {|" import.yaml >pairs.yaml
    expect 0 "$PHIBENCH" run pairs.yaml --db judged.db --limit 1 --set report.out=pairs --set suites.0.max_new_tokens=8
    row="^| tiny-synthetic q8_0 (synthetic) | .* | judge elsewhere | 62.50 | .* | 2 | 1 | 1 | 1 | 12 |\$"
    grep -q "$row" pairs/report.md || fail "$baseline: no row of wins in the report: $(cat pairs/report.md)"
    grep -q "tiny-synthetic q8_0 (synthetic).*  judge elsewhere  *62.50 " stdout || fail "$baseline: no row of wins"
done

# Faults.
expect 2 "$PHIBENCH" mt-bench judge --questions $questions --answers a/tiny.jsonl --out x
message "phibench: a judge needs its prompts: --prompts judge_prompts.jsonl"
expect 2 "$PHIBENCH" mt-bench judge --questions $questions --answers a/tiny.jsonl --rule coin --out x
message 'phibench: --rule takes reference-match, not "coin"'
expect 2 "$PHIBENCH" mt-bench answer --questions $questions --out x
message "phibench: who is asked? give -m MODEL, or --api URL with --api-model NAME"
expect 2 "$PHIBENCH" mt-bench score
message 'phibench: mt-bench takes answer, judge or summarize, not "score"'
expect 1 "$PHIBENCH" mt-bench judge --questions $questions --answers a/tiny.jsonl --rule reference-match --out x
message "a/tiny.jsonl:1: question 81 needs a reference answer: --references"
printf '{"question_id": 81, "model": "m"}\n' >bad.jsonl
expect 1 "$PHIBENCH" mt-bench summarize --judgments bad.jsonl
message 'bad.jsonl:1: "judge" must be a list of texts'
finish
