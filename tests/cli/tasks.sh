#!/bin/sh
# Tasks: the list, the prompts of a data file, a run and its grades; and a user's own, with what may be wrong in it.
. "$(dirname "$0")/../support/cli.sh"
data=$top/tests/golden/tasks

expect 0 "$PHIBENCH" tasks
[ "$(wc -l <stdout)" -eq "$(ls "$top"/suites/tasks | wc -l)" ] || fail "not every file is listed"
expect 0 "$PHIBENCH" tasks arc_easy --show
cmp -s stdout "$top/suites/tasks/arc_easy.yaml" || fail "another file than suites/tasks/arc_easy.yaml"
expect 0 "$PHIBENCH" tasks "$top/suites/tasks" --json
[ "$(grep -c '"name": "lm-eval"' stdout)" -eq "$(($(ls "$top"/suites/tasks | wc -l) - 1))" ] || fail "not lm-eval in all but needle"

expect 0 "$PHIBENCH" tasks winogrande --check "$data/winogrande.jsonl" --shots 1 --count 1
cat >wanted <<'END'
winogrande/lm-eval, 1-shot: 3 items
--- 1, expected A
Mara lent Nils a coat, for Nils was cold .


0: The cup did not fit the bag because the cup| was too large.
1: The cup did not fit the bag because the bag| was too large.
END
diff wanted stdout || fail "another prompt"

# As SmolLM's authors ask with lighteval 0.7 (text/evaluation/tasks.py of their repository).
printf 'Tea: A man pours. he\n1\nsips it.\nsails.\nsings to it.\nsells it.\n' >lines.txt
expect 0 "$PHIBENCH" tasks hellaswag --check lines.txt --protocol lighteval
cat >wanted <<'END'
hellaswag/lighteval, 0-shot: 1 items
--- 1, expected B
Tea: A man pours. he
0: |  sips it.
1: |  sails.
2: |  sings to it.
3: |  sells it.
END
diff wanted stdout || fail "another prompt of lighteval's HellaSwag"
printf '{"question": "Where is tea?", "choices": {"label": ["A", "B"], "text": ["cup", "sea"]}, "answerKey": "A"}\n' >tea.jsonl
expect 0 "$PHIBENCH" tasks commonsense_qa --check tea.jsonl --protocol lighteval
cat >wanted <<'END'
commonsense_qa/lighteval, 0-shot: 1 items
--- 1, expected A
Where is tea?
0: | cup
1: | sea
END
diff wanted stdout || fail "another prompt of lighteval's CommonsenseQA"
mkdir -p bare/bbh
printf '{"examples": [{"input": "Is 3 odd?", "target": "Yes"}, {"input": "Is 4 odd?", "target": "No"}]}' >bare/bbh/odd.json
mkdir -p bare/cot-prompts && : >bare/cot-prompts/odd.txt
expect 0 "$PHIBENCH" tasks bbh --check bare --protocol lighteval --shots 1 --count 1 --json
cat >wanted <<'END'
{"item":"odd/1","expected":"Yes","prompt":"Question: Is 4 odd?\nAnswer: No\n\nQuestion: Is 3 odd?\nAnswer: ","stops":["Question"]}
END
diff wanted stdout || fail "another prompt of lighteval's BIG-Bench Hard"

# In a chat: BIG-Bench Hard's description is the system's, its examples are turns, and a choice begins a turn.
mkdir -p kinds/bbh kinds/cot-prompts
printf '{"examples": [{"input": "Is 3 odd?", "target": "Yes"}]}' >kinds/bbh/odd.json
printf -- '-----\nSay it.\n\nQ: Is 1 odd?\nA: Let'"'"'s think step by step.\n1 is.\n\nQ: Is 2 odd?\nA: Let'"'"'s think step by step.\nNo.\n' \
    >kinds/cot-prompts/odd.txt
expect 0 "$PHIBENCH" tasks bbh --check kinds --chat --json
cat >wanted <<'END'
{"item":"odd/1","expected":"Yes","system":"Say it.\n\n","turns":["Q: Is 1 odd?\nA: Let's think step by step.\n","1 is.","Q: Is 2 odd?\nA: Let's think step by step.\n","No.","Q: Is 3 odd?\nA: Let's think step by step.\n"],"stops":["</s>","Q","\n\n"]}
END
diff wanted stdout || fail "other turns of BIG-Bench Hard"
expect 0 "$PHIBENCH" tasks winogrande --check "$data/winogrande.jsonl" --shots 1 --count 1 --chat
cat >wanted <<'END'
winogrande/lm-eval+chat-multiturn, 1-shot: 3 items
--- 1, expected A
[user]
Mara lent Nils a coat, for Nils
[assistant]
was cold .
[user]

[assistant]

0: The cup did not fit the bag because the cup|was too large.
1: The cup did not fit the bag because the bag|was too large.
END
diff wanted stdout || fail "other turns of WinoGrande"
expect 2 "$PHIBENCH" tasks winogrande --chat
message 'phibench: --protocol, --shots, --examples and --chat take --check DATA'

# The file that the description shows is one.
sed -n '/^    name: my_task/,/^$/s/^    //p' "$top/docs/tasks.md" >my_task.yaml
expect 0 "$PHIBENCH" tasks my_task.yaml
printf '{"country":"Italy ","town1":"Rome","town2":"Pisa","town3":"Bari","town4":"Turin","right":1}\n' >my.jsonl
expect 0 "$PHIBENCH" tasks my_task.yaml --check my.jsonl --shots 0
grep -q '^Question: What is the capital of Italy?$' stdout || fail "the example asks something else"
grep -q '^0: | Rome$' stdout || fail "the example has other choices"

# Haystacks are made, whole and the same each time.
expect 0 "$PHIBENCH" tasks needle --check - --count 0 --json
[ "$(wc -l <stdout)" -eq 25 ] || fail "not five texts with five depths"
[ "$(grep -c 'The secret number of [A-Z][a-z]* is [0-9]*[.]' stdout)" -eq 25 ] || fail "not a needle in each"
mv stdout first
expect 0 "$PHIBENCH" tasks needle --check - --count 0 --json
cmp -s first stdout || fail "other haystacks the second time"
expect 0 "$PHIBENCH" tasks needle --check "$top/LICENSE" --count 1
grep -q 'Permission is hereby granted' stdout || fail "not the user's haystack"

# A user's own task, in another format and with subsets.
mkdir towns
printf 'Italy,Rome,Oslo,1\nNorway,"Bergen, or so",Oslo,2\n' >towns/towns_easy.csv
printf 'Chad,Kano,N'"'"'Djamena,2\n' >towns/towns_hard.csv
cat >own.yaml <<'END'
name: towns
version: 1
summary: "Capitals"
records:
  files: "towns_{subset}.csv"
  columns: [country, town1, town2, right]
  level: difficulty
layouts:
  mine:
    question: "What is the capital of {country}?"
    choices: ["{town1}", "{town2}"]
    answer: "{right | add(-1)}"
protocols:
  plain:
    prompt: "{question}"
    choices: "{choices}"
    metrics: [acc, acc_norm]
END
expect 0 "$PHIBENCH" tasks own.yaml --check towns --count 0 --json
cat >wanted <<'END'
{"item":"easy/1","expected":"A","prompt":"What is the capital of Italy?","choices":[" Rome"," Oslo"]}
{"item":"easy/2","expected":"B","prompt":"What is the capital of Norway?","choices":[" Bergen, or so"," Oslo"]}
{"item":"hard/1","expected":"B","prompt":"What is the capital of Chad?","choices":[" Kano"," N'Djamena"]}
END
diff wanted stdout || fail "other questions"

cat >run.yaml <<END
models: [{id: tiny, path: "synth:tiny:q4_0"}]
suites:
  - task: {file: own.yaml, data: towns}
  - lambada: {data: $data/lambada.jsonl}
  - gsm8k: {data: $data/gsm8k.jsonl, shots: 1}
  - needle: {words: [20, 3000], depths: [0, 100], count: 1}
END
expect 0 "$PHIBENCH" run run.yaml --db tasks.db
expect 0 "$PHIBENCH" export --db tasks.db --table scores --format csv
grep -q 'towns,easy,plain,0,acc,' stdout || fail "no score of a subset"
grep -q 'towns,,plain,0,acc_norm,' stdout || fail "no second metric"
grep -q 'lambada,,lm-eval,0,ppl,' stdout || fail "no perplexity"
grep -q 'needle,depth:100%,plain,0,exact_match,' stdout || fail "no score of a depth"
expect 0 "$PHIBENCH" show last --db tasks.db
grep -q '3 unread' stdout || fail "generations of noise are not counted as unread"
expect 0 "$PHIBENCH" regrade last --db tasks.db
grep -q '^job 1 (towns): 3 answers, 0 verdicts changed$' stdout || fail "grades again differently"

# Another way to say what data are is refused where it stands.
printf 'models: [{id: t, path: "synth:tiny:q4_0"}]\nsuites: [{needle: {shots: 1}}]\n' >bad.yaml
expect 2 "$PHIBENCH" run bad.yaml
message 'bad.yaml:2:20: needle makes its questions: it has no shots'
printf 'models: [{id: t, path: "synth:tiny:q4_0"}]\nsuites: [{piqa: {data: own.yaml, words: 1}}]\n' >bad.yaml
expect 2 "$PHIBENCH" run bad.yaml
message 'bad.yaml:2:34: piqa reads its questions: it has no words'
printf 'models: [{id: t, path: "synth:tiny:q4_0"}]\nsuites: [{piqa: {shots: 1}}]\n' >bad.yaml
expect 2 "$PHIBENCH" run bad.yaml
message 'bad.yaml:2:17: suite piqa needs the key "data"'

# What is wrong has a place, and what would be right.
refuses() {
    expect 2 "$PHIBENCH" tasks "$1"
    message "$2"
}
sed 's/version/verson/' own.yaml >bad.yaml
refuses bad.yaml 'bad.yaml:2:1: unknown key "verson" in the task: did you mean "version"?'
sed 's/{country}/{country | upper}/' own.yaml >bad.yaml
expect 2 "$PHIBENCH" tasks bad.yaml
message_has 'bad.yaml:10:15: question: there is no filter "upper" (known: strip, lower'
sed 's/acc_norm/acc_nrm/' own.yaml >bad.yaml
refuses bad.yaml 'bad.yaml:17:20: there is no such metric of choices: did you mean "acc_norm"?'
sed 's/    choices: "{choices}"//' own.yaml >bad.yaml
refuses bad.yaml 'bad.yaml:15:5: a protocol has one of the keys choices, continuation and generate'
sed 's/towns_{subset}.csv/towns.csv/' own.yaml >bad.yaml
refuses bad.yaml 'bad.yaml:5:10: files must have {subset} in the file'"'"'s name, as in "questions_{subset}.jsonl"'
sed 's/name: towns/name: To wns/' own.yaml >bad.yaml
refuses bad.yaml 'bad.yaml:1:7: a task'"'"'s name is made of a-z, 0-9, _ and -, and this is "To wns"'
refuses none.yaml 'none.yaml: cannot open: No such file or directory'
refuses arc_eazy "phibench: there is no task \"arc_eazy\"; 'phibench tasks' lists them"

# And so has a record.
printf 'Italy,Rome,Oslo,3\n' >towns/towns_easy.csv
expect 1 "$PHIBENCH" tasks own.yaml --check towns
message 'towns/towns_easy.csv:1: the answer is "2", not the position of one of 2 choices (the first is 0)'
printf 'Italy,Rome,1\n' >towns/towns_easy.csv
expect 1 "$PHIBENCH" tasks own.yaml --check towns
message 'towns/towns_easy.csv:1:13: 3 columns, not 4 as the task says'
expect 1 "$PHIBENCH" tasks arc_easy --check "$data/piqa.jsonl"
message_has "piqa.jsonl:1: the record fits no layout of the task arc_easy: huggingface: there is no field"
expect 2 "$PHIBENCH" tasks bbh --check own.yaml
message 'own.yaml: bbh takes a folder that holds bbh/{subset}.json'
finish
