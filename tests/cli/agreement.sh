#!/bin/sh
# The comparison with lm-evaluation-harness finds what differs, explains what it can, and says what it cannot.
. "$(dirname "$0")/../support/cli.sh"

needs python3
PYTHONDONTWRITEBYTECODE=1
PYTHONPATH=$top/tools/peers
export PYTHONDONTWRITEBYTECODE PYTHONPATH

cat >report.py <<'EOF'
import copy, pathlib
import agree_report as report

ours = [{"subset": subset, "key": f"{subset}/{i}", "predicted": "B", "cut": i, "logprobs": [-9.0, -8.0],
         "tokens": [10, 10], "characters": [40, 20], "greedy": [False, False], "spanned": False, "scores": {"acc": 1.0, "acc_norm": 0.0}}
        for subset in ("x", "y") for i in range(3)]
theirs = {subset: [{"logprobs": [-9.0, -8.0], "greedy": [False, False], "scores": {"acc": 1.0, "acc_norm": 0.0}}
                   for _ in range(3)] for subset in ("y", "x")}
print(*report.list_items({"same": report.join(ours, theirs)}))

ours[0]["logprobs"] = [-9.0009, -8.0]              # x/0: less than the limit
ours[1]["logprobs"] = [-9.0, -8.003]               # x/1: more than rounding of 10 tokens
ours[2].update(logprobs=[-9.1, -8.0], spanned=True)
theirs["y"][0].update(logprobs=[-8.0, -8.0002], scores={"acc": 0.0, "acc_norm": 0.0})
ours[3]["logprobs"] = [-8.0001, -8.0]              # y/0: another answer, the best two nearly equal
theirs["y"][1]["scores"] = {"acc": 0.0, "acc_norm": 0.0}  # y/1: the same numbers, another verdict
theirs["y"][2].update(logprobs=[-16.0002, -8.0], scores={"acc": 1.0, "acc_norm": 1.0})
ours[5]["logprobs"] = [-15.9998, -8.0]             # y/2: nearly equal per character
joined = {"task": report.join(ours, theirs)}
document = pathlib.Path("document.md")
document.write_text("before\n<!-- choices: begin -->\nold\n<!-- choices: end -->\nafter\n<!-- chat: begin -->\n<!-- chat: end -->\n")
report.put_into(document, "choices", [*report.table(joined, {"task": {"acc": 100.0, "acc_norm": 0.0}}), *report.list_items(joined)])
print(document.read_text())
print(len(report.unexplained(joined)), "not explained")

for wrong in (theirs | {"x": theirs["x"][:2]}, {"x": theirs["x"]}):
    try:
        report.join(copy.deepcopy(ours), wrong)
    except ValueError as error:
        print("refused")
EOF
expect 0 python3 report.py
cat >wanted <<'EOF'
No item differs by more than 1e-3, in its answer or in a verdict.
before
<!-- choices: begin -->

| questions | items | choices | prompts cut | largest difference | mean difference | over 1e-3 | other answer | acc | acc_norm |
|---|---|---|---|---|---|---|---|---|---|
| task | 6 | 12 | 4 | 1.0e-01 | 8.7e-03 | 2 | 1 | 100.00 / 66.67 | 0.00 / 16.67 |
| item | answers | verdicts that differ | largest difference | tokens | why |
|---|---|---|---|---|---|
| task y/0 | B / A | acc | 2.0e-04 | 10 | rounding, where the two best choices are 2.0e-04 apart |
| task y/1 | B / B | acc | 0.0e+00 | 10 | **not explained** |
| task y/2 | B / B | acc_norm | 4.0e-04 | 10 | rounding, where the two best choices are 5.0e-06 apart |
| task x/1 | B / B |  | 3.0e-03 | 10 | **not explained** |
| task x/2 | B / B |  | 1.0e-01 | 10 | a token spans prompt and choice: the programs cut it in different places |

<!-- choices: end -->
after
<!-- chat: begin -->
<!-- chat: end -->

2 not explained
refused
refused
EOF
mv stdout found
expect 0 diff wanted found
cat stdout

# Of what was written the prompts, the texts, what was read in them and the verdicts.
cat >texts.py <<'EOF'
import agree_texts as texts

def answer(i, text, predicted, score=1.0, tokens=7):
    return {"subset": "", "key": str(i), "text": text, "predicted": predicted, "read": predicted, "cut": i,
            "prompt_tokens": tokens, "scores": {"em": score}}

ours = [answer(0, " Paris.", "Paris."), answer(1, "a b", "a"), answer(2, "a | b", ""), answer(3, "a", "a"), answer(4, "a", "a")]
theirs = [answer(0, "Paris.", "paris"), answer(1, "a c", "a"), answer(2, "a | b", "[invalid]"), answer(3, "a", "b", 0.0),
          answer(4, "a", "a", tokens=8)]
joined = {"task": texts.join(ours, {"": theirs})}
print(*texts.table(joined, {"task": {"em": 100.0}}), *texts.list_items(joined), sep="\n")
print(len(texts.unexplained(joined)), "not explained")
print(*texts.list_items({"task": joined["task"][:1]}))
EOF
expect 0 python3 texts.py
cat >wanted <<'EOF'
| questions | items | prompts cut | same prompt tokens | same text | same reading | other verdict | scores |
|---|---|---|---|---|---|---|---|
| task | 5 | 4 | 4 | 4 | 4 | 1 | em 100.00 / 80.00 |
| item | what differs | phibench | harness |
|---|---|---|---|
| task 1 | text | 'a b' | 'a c' |
| task 3 | reading, em | 'a' | 'a' |
| task 4 | prompt | 'a' | 'a' |
3 not explained
No item differs in its prompt's tokens, its text, what was read in it, or a verdict.
EOF
mv stdout found
expect 0 diff wanted found
cat stdout

finish
