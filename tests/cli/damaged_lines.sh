#!/bin/sh
# FastChat's files as other programs and killed ones leave them, and data sets that ask themselves: a torn last line, half
# of a surrogate pair, ids that are texts, turns without an answer, examples that are the question, choices of nothing,
# byte order marks.
. "$(dirname "$0")/../support/cli.sh"

cat >q.jsonl <<'END'
{"question_id": "11", "category": "writing", "turns": ["Say one.", "Say two."]}
{"question_id": "twelve", "category": "writing", "turns": ["Say three.", "Say four."]}
END
cat >r.jsonl <<'END'
{"question_id": "11", "answer_id": "r", "model_id": "r", "choices": [{"index": 0, "turns": ["one", "two"]}], "tstamp": 1.0}
{"question_id": "twelve", "answer_id": "r", "model_id": "r", "choices": [{"index": 0, "turns": ["three", "four"]}], "tstamp": 1.0}
END
judge() {
    expect 0 "$PHIBENCH" mt-bench judge --questions q.jsonl --answers "$1" --references r.jsonl --rule reference-match --out "$2"
}

# A torn last line moves aside, and its work is done anew; a line that lacks only its end is kept.
judge r.jsonl j.jsonl
grep -c '"question_id": "11"' j.jsonl | grep -q '^2$' || fail "the id is not kept: $(cat j.jsonl)"
sed 's/"tstamp".*//' j.jsonl >whole
head -c $(($(wc -c <j.jsonl) - 40)) j.jsonl >torn
tail -n 1 torn >last
cp torn j.jsonl
judge r.jsonl j.jsonl
message_has 'warning: the last line of j.jsonl is torn: it moves to j.jsonl.torn, and its work is done anew'
grep -q '^1 judgment by reference-match in j.jsonl, 0 without a score; 3 were there before$' stdout ||
    fail "not one judgment: $(cat stdout)"
sed 's/"tstamp".*//' j.jsonl >again
cmp -s whole again || fail "other judgments than before the line was torn"
echo >>last
cmp -s last j.jsonl.torn || fail "the torn line is lost: $(cat j.jsonl.torn)"
printf %s "$(cat j.jsonl)" >open
cp open j.jsonl
judge r.jsonl j.jsonl
[ ! -s stderr ] || fail "a whole line is torn: $(cat stderr)"
[ "$(wc -l <j.jsonl)" -eq 4 ] || fail "not 4 lines: $(wc -l <j.jsonl)"
# Within a file such a line is an error with its place, and nothing changes.
cat torn j.jsonl | sed 's/$//' >j2.jsonl
cp j2.jsonl before
expect 1 "$PHIBENCH" mt-bench judge --questions q.jsonl --answers r.jsonl --references r.jsonl --rule reference-match --out j2.jsonl
grep -q '^j2.jsonl:4:[0-9]*: malformed JSON' stderr || fail "another place: $(cat stderr)"
cmp -s before j2.jsonl || fail "a file that cannot be read has changed"
# A file that is only read does not change.
cp torn t.jsonl
expect 0 "$PHIBENCH" mt-bench summarize --judgments t.jsonl --questions q.jsonl
message_has 'warning: t.jsonl:4: the last line is torn, and does not count'
cmp -s torn t.jsonl || fail "a file that is read has changed"

# Half of a pair is read as U+FFFD, and told once for a file.
cat >lone.jsonl <<'END'
{"question_id": 1, "model": "m", "judge": ["gpt-4", "single-v1"], "user_prompt": "a", "judgment": "fine \ud83d [[5]]", "score": 5, "turn": 1, "tstamp": 1.0}
{"question_id": 2, "model": "m", "judge": ["gpt-4", "single-v1"], "user_prompt": "b", "judgment": "\ude00 [[7]]", "score": 7, "turn": 1, "tstamp": 1.0}
END
expect 0 "$PHIBENCH" mt-bench summarize --judgments lone.jsonl --json
grep -q '"mean": 6,' stdout || fail "not a mean of 6: $(cat stdout)"
[ "$(grep -c 'U+FFFD (lines of this kind: 2)' stderr)" -eq 1 ] || fail "not told once: $(cat stderr)"

# A turn that does not fit is no empty answer: said, marked, not judged; the first turn is.
long=$(awk 'BEGIN { for (i = 0; i < 4000; i++) printf "word " }')
printf '{"question_id": 1, "category": "writing", "turns": ["Hi.", "%s"]}\n' "$long" >long.jsonl
answer() {
    expect 0 "$PHIBENCH" mt-bench answer --questions long.jsonl -m synth:tiny:q8_0 -n 4 --id tiny --out a.jsonl
}
answer
message_has 'warning: 1 turns have no answer'
grep -q '"turns": \[".*", ""\], "failures": \["", "too_long"\]}\]' a.jsonl || fail "not marked: $(cat a.jsonl)"
head -c 30 a.jsonl >>a.jsonl
answer
message_has 'warning: the last line of a.jsonl is torn'
grep -q '^0 answers of tiny in a.jsonl; 1 were there before$' stdout || fail "asked again: $(cat stdout)"
sed 's/"failures": [^}]*/"x": 0/; s/, ""/, "much"/' a.jsonl >reference
expect 0 "$PHIBENCH" mt-bench judge --questions long.jsonl --answers a.jsonl --references reference --rule reference-match --out k.jsonl
message_has 'warning: 1 turns have no answer, as their file says: they are not judged'
grep -q '^1 judgment by' stdout || fail "an empty turn is judged: $(cat stdout)"
expect 0 "$PHIBENCH" mt-bench summarize --judgments k.jsonl --questions long.jsonl --json
grep -q '"not_judged": 1' stdout || fail "not counted: $(cat stdout)"

# Examples that are the question: by their text, however it is spaced; told and noted; where there is no other, one fewer.
for i in 0 1 2 3 4 5; do
    printf '{"id": "%s", "question": "Question %s?", "choices": {"text": ["yes %s", "no %s"], "label": ["A", "B"]}, "answerKey": "A"}\n' $i $i $i $i
done >arc.jsonl
sed 's/"id": "/&x/; s/Question /Question   /' arc.jsonl >spaced.jsonl
# own: how many prompts hold their own question as an example.
own() {
    expect 0 "$PHIBENCH" tasks --check arc.jsonl --examples "$1" --shots "$2" --json -n 0 arc_easy
    sed -n 's/.*"prompt":"\(.*\)\\nAnswer:".*/\1/p' stdout | sed 's/  */ /g; s/\\n/\n/g; s/$/\n=/' |
        awk '/^=/ { n += seen[last] > 1; split("", seen) } /^Question/ { seen[$0]++; last = $0 } END { print n + 0 }'
}
for examples in arc.jsonl spaced.jsonl; do
    [ "$(own $examples 3)" -eq 0 ] || fail "$examples: questions among their own examples"
    [ "$(grep -c 'Question.*Question.*Question.*Question' stdout)" -eq 6 ] || fail "$examples: not 3 examples each"
done
own arc.jsonl 6 >/dev/null
[ "$(grep -o 'Question [0-9]' stdout | wc -l)" -eq 36 ] || fail "not one example fewer: $(cat stdout)"
cat >run.yaml <<'END'
name: own
db: own.db
models: [{id: tiny, path: "synth:tiny:q8_0"}]
suites: [{arc_easy: {data: arc.jsonl, shots: 6, examples: spaced.jsonl}}]
END
expect 0 "$PHIBENCH" run run.yaml
message_has 'arc_easy/lm-eval 6-shot: 6 questions were among their own examples: 0 have others in their place, 6 have fewer'
sqlite3 own.db "SELECT kind, count FROM note WHERE kind LIKE 'example%'" >notes
[ "$(cat notes)" = "example_missing|6" ] || fail "not noted: $(cat notes)"

# A choice of nothing is an error at its place before any model runs; characters are those of the choice's own text.
cat >bare.yaml <<'END'
name: bare
version: 1
summary: "choices without a delimiter"
layouts:
  mine: {question: "{q}", choices: "{c}", answer: "{right}"}
protocols:
  plain: {shots: 0, prompt: "Question: {question}\nAnswer:", choices: "{choices}", delimiter: "", metrics: [acc, acc_norm]}
END
echo '{"q": "what?", "c": [" ab", " cdef"], "right": 0}' >good.jsonl
{ cat good.jsonl; echo '{"q": "what?", "c": ["", "wrong"], "right": 1}'; } >empty.jsonl
cat >bare-run.yaml <<'END'
name: bare
db: bare.db
models: [{id: tiny, path: "synth:tiny:q8_0"}]
suites: [{task: {file: bare.yaml, data: good.jsonl}}]
END
sed 's/good/empty/; s/bare.db/empty.db/' bare-run.yaml >empty-run.yaml
expect 1 "$PHIBENCH" run empty-run.yaml
message_has 'empty.jsonl:2: choices: element 0 is empty, and the delimiter before it, too: there is nothing to score'
expect 0 "$PHIBENCH" run bare-run.yaml
sqlite3 bare.db "SELECT json_extract(content, '$.choices[0].characters'), json_extract(content, '$.choices[1].characters')
    FROM response" >characters
[ "$(cat characters)" = "3|5" ] || fail "other characters: $(cat characters)"

# Byte order marks are passed over, and UTF-16 is said to be such.
for file in arc.jsonl bare.yaml; do
    { printf '\357\273\277'; cat $file; } >marked-$file
done
expect 0 "$PHIBENCH" tasks --check marked-arc.jsonl arc_easy
expect 0 "$PHIBENCH" tasks marked-bare.yaml
{ printf '\377\376'; sed 's/./&\x00/g' arc.jsonl; } >wide.jsonl
expect 1 "$PHIBENCH" tasks --check wide.jsonl arc_easy
message 'wide.jsonl:1:1: this is a text in UTF-16: save it as UTF-8'
finish
