#!/bin/sh
# audit: what it says before a run is what the run then counts, and its time comes from the last rates measured.
. "$(dirname "$0")/../support/cli.sh"
needs python3

cat >c.yaml <<'END'
db: a.db
models:
  - {id: short, path: "synth:tiny:q8_0", context: 200}
  - {id: bare, path: "synth:tiny:f16", bos: never}
suites:
  - mmlu: {data: models/demo-mmlu, protocol: hendrycks, shots: 5}
  - mmlu: {data: models/demo-mmlu, protocol: lm-eval, shots: 5}
  - perplexity: {data: models/world/text/heldout.txt, context: 64, limit: 5}
  - throughput: {prompt: 8, generate: 2, repeat: 1}
END
expect 0 "$PHIBENCH" audit c.yaml
[ ! -e a.db ] || fail "an audit made a database"
grep -q '^short q8_0 mmlu/hendrycks 5-shot: 96 items$' stdout || fail "no line for the job"
grep -q 'no prompt begins with it (never)' stdout || fail "no word about BOS"
grep -q 'every prompt begins with it' stdout || fail "no word about BOS by the model's file"
tail -n 1 stdout | grep -q '^8 jobs, and 8 whose time is not known; no weights were read$' || fail "$(tail -n 1 stdout)"

# The counts of a run are those of the audit, and so are its tokens.
expect 0 "$PHIBENCH" audit c.yaml --json
cp stdout before.json
expect 0 "$PHIBENCH" run c.yaml
"$PHIBENCH" export last --db a.db --table notes >notes
"$PHIBENCH" export last --db a.db --table jobs >jobs
python3 - <<'END' || fail "a run counts something else"
import json
audits = [a for a in json.load(open("before.json")) if a["items"]]
jobs = [j for j in map(json.loads, open("jobs")) if j["items"]]
notes = {}
for note in map(json.loads, open("notes")):
    notes[(note["model"], note["suite"], note["protocol"], note["note" if "note" in note else "kind"])] = note["count"]
assert len(audits) == len(jobs) == 6
for audit, job in zip(audits, jobs):
    key = (job["model"], job["suite"], job["protocol"])
    assert audit["items"] == job["items"] and audit["seconds"] is None
    assert audit["tokens"] == job["naive_tokens"], (key, audit["tokens"], job["naive_tokens"])
    assert audit["shared_tokens"] == job["computed_tokens"], (key, audit["shared_tokens"], job["computed_tokens"])
    for kind in ("dropped_shots", "truncated", "not_answered", "join_spanned", "double_bos"):
        assert audit[kind] == notes[key + (kind,)], (key, kind, audit[kind], notes[key + (kind,)])
    assert audit["begins_with_bos"] == (job["model"] == "short")
short = {a["job"]: a for a in audits}
assert short["short q8_0 mmlu/hendrycks 5-shot"]["dropped_shots"] > 0
assert short["short q8_0 mmlu/lm-eval 5-shot"]["truncated"] > 0
END

# Times, by the run's own rates.
expect 0 "$PHIBENCH" audit c.yaml
[ "$(grep -c '^  time  *about .* items a second in run 1$' stdout)" -eq 6 ] || fail "not six times by run 1"
expect 0 "$PHIBENCH" audit c.yaml --set 'suites.0.shots=4' --db a.db
[ "$(grep -c ' tokens a second in run 1$' stdout)" -eq 2 ] || fail "no times by tokens for other shots"

# White space at the end of a prompt goes to the continuation; a token may span the two.
mkdir towns
printf 'Italy,Rome,Oslo,1\nNorway,Bergen,Oslo,2\n' >towns/towns_all.csv
cat >own.yaml <<'END'
name: towns
version: 1
summary: "Capitals"
records:
  files: "towns_{subset}.csv"
  columns: [country, town1, town2, right]
layouts:
  mine:
    question: "{country}"
    choices: ["{town1}", "{town2}"]
    answer: "{right | add(-1)}"
protocols:
  spaced:
    prompt: "The capital of {question} is "
    choices: "{choices}"
    metrics: [acc]
END
cat >towns.yaml <<'END'
models: [{id: tiny, path: "synth:tiny:q8_0"}]
suites: [{task: {file: own.yaml, data: towns}}]
END
expect 0 "$PHIBENCH" audit towns.yaml
grep -q '^  white space  at the end of 2 prompts' stdout || fail "$(grep 'white space' stdout)"
grep -q '^  round trip   the tokens of 0 give' stdout || fail "$(grep 'round trip' stdout)"
expect 1 "$PHIBENCH" audit c.yaml --db nowhere.db
expect 2 "$PHIBENCH" audit
finish
