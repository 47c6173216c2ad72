#!/bin/sh
# Every answer keeps what was asked, as text and as a hash of the tokens: `tokenize` makes the same tokens of the text, a
# prompt is kept once for all quantizations and runs, and a BOS that is dropped shows in the tokens alone.
. "$(dirname "$0")/../support/cli.sh"
needs python3
cat >config.yaml <<END
models: [{id: tiny, path: "synth:tiny", quantizations: [q8_0, q4_0], context: 400}]
suites:
  - mmlu: {data: models/demo-mmlu, shots: 5, limit: 3}
  - perplexity: {data: models/world/text/heldout.txt, context: 64, limit: 3}
defaults: {threads: 1}
END
responses() {
    "$PHIBENCH" export last --db "$1" --table responses
}
expect 0 "$PHIBENCH" run config.yaml --db a.db
responses a.db >first
expect 0 "$PHIBENCH" run config.yaml --db a.db
responses a.db >again
expect 0 "$PHIBENCH" run config.yaml --db b.db --set models.0.bos=never
responses b.db >bare
expect 0 "$PHIBENCH" run config.yaml --db b.db --set suites.0.shots=2
responses b.db >fewer
expect 0 "$PHIBENCH" db check a.db

# hash PREFIX: of a prompt's text and its choices, as docs/store.md says, from tokens that `tokenize` prints.
cat >check.py <<'END'
import hashlib, json, os, struct, subprocess
read = lambda name: [json.loads(line) for line in open(name)]
first, again, bare, fewer = map(read, ("first", "again", "bare", "fewer"))
mmlu = [r for r in first if r["suite"] == "mmlu"]
assert len(mmlu) == len({(r["item"], r["quantization"]) for r in mmlu}) > 20
assert [(r["prompt"], r["tokens_hash"]) for r in again] == [(r["prompt"], r["tokens_hash"]) for r in first]
both = {}
for r in mmlu:
    assert r["prompt"].startswith("The following are multiple choice questions") and r["prompt"].endswith("Answer:")
    assert both.setdefault(r["item"], (r["prompt"], r["tokens_hash"])) == (r["prompt"], r["tokens_hash"])
dropped = [r["response"]["dropped_shots"] for r in mmlu]
for r, n in zip(mmlu, dropped):
    assert r["prompt"].count("Answer:") == 6 - n, (n, r["prompt"])

def tokens(text):
    found = subprocess.run([os.environ["PHIBENCH"], "tokenize", "-m", "synth:tiny:q8_0", "--json"], input=text.encode(),
                           capture_output=True, check=True)
    return json.loads(found.stdout)["ids"]
for r in mmlu[:2]:
    context, data = tokens(r["prompt"]), struct.pack("<I", 4)
    for letter in "ABCD":
        ids = tokens(r["prompt"] + " " + letter)
        n = 0
        while n < len(context) and ids[n] == context[n]: n += 1
        data += struct.pack("<%dI" % (2 + len(ids)), n, len(ids), *ids)
    assert hashlib.sha256(data).hexdigest() == r["tokens_hash"], r["item"]
for r in (r for r in first if r["suite"] == "perplexity"):
    assert r["prompt"] is None and len(r["tokens_hash"]) == 64
known = {(r["item"], r["quantization"]): r for r in first}
for r in bare:
    other = known[(r["item"], r["quantization"])]
    if r["prompt"] == other["prompt"]: assert r["tokens_hash"] != other["tokens_hash"]
assert sum(r["prompt"] == known[(r["item"], r["quantization"])]["prompt"] for r in bare) > len(bare) / 2
assert all(r["prompt"] != known[(r["item"], r["quantization"])]["prompt"] for r in fewer if r["suite"] == "mmlu" and
           known[(r["item"], r["quantization"])]["response"]["dropped_shots"] < 3)
END
python3 check.py || fail "prompts or tokens are not what was asked"

if command -v sqlite3 >/dev/null; then
    n=$(sqlite3 a.db "SELECT count(*) FROM prompt")
    [ "$n" -eq "$(sqlite3 a.db "SELECT count(DISTINCT item.key) FROM item JOIN dataset ON dataset.id = dataset
        WHERE suite = 'mmlu'")" ] || fail "$n prompts"
    sqlite3 a.db "SELECT sum(length(rest)) < sum(length(text)) / 2 FROM prompt JOIN v_prompts ON prompt.id = v_prompts.prompt" |
        grep -qx 1 || fail "beginnings are kept more than once"
fi
finish
