"""What phibench answers: runs it on the same files, and reads its answers from the store.

Float32 for keys and values, as the harness' model has; everything else is as a user would have it.
"""

import json
import pathlib
import sqlite3
import subprocess
import sys

ANSWERS = """
SELECT item.subset, item.key, response.content, verdict.is_correct, verdict.predicted,
       verdict.others
FROM response JOIN job ON job.id = response.job JOIN item ON item.id = response.item
JOIN verdict ON verdict.response = response.id
WHERE job.run = ? AND job.suite = ? AND job.shots = ? ORDER BY item.subset, item.line
"""
SCORES = """
SELECT metric, score FROM v_scores WHERE run = ? AND suite = ? AND shots = ? AND subset = ''
"""


def run(command, text=None):
    """Standard output of a command; its errors are the user's to see."""
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, check=False,
                          encoding="utf-8")
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}")
    return done.stdout


def version(program):
    """What the program says that it is."""
    return run([program, "--version"]).splitlines()[0]


def encode(program, model, text):
    """The tokens of a text."""
    return json.loads(run([program, "tokenize", "-m", str(model), "--json"], text))["ids"]


def config_of(model, all_questions, data, limit, database):
    """The configuration that asks what the harness is asked."""
    suites = [{questions.task: {"data": str(data / questions.file), "protocol": "lm-eval",
                                "shots": questions.shots,
                                "limit": min(questions.limit, limit or questions.limit)}}
              for questions in all_questions]
    return {"name": "agreement", "db": str(database), "suites": suites,
            "models": [{"id": model.stem, "path": str(model), "kv": "f32"}]}


def answer_of(row):
    """One question's numbers: of each choice, and phibench's verdicts."""
    subset, key, content, is_correct, predicted, others = row
    response = json.loads(content)
    choices = response["choices"]
    scores = {"acc": float(is_correct), **json.loads(others or "{}")}
    return {"subset": subset, "key": key, "predicted": predicted, "cut": response["cut_tokens"],
            "logprobs": [float(choice["logprob"]) for choice in choices],
            "tokens": [choice["tokens"] for choice in choices],
            "characters": [max(1, choice["characters"]) for choice in choices],
            "greedy": [choice["greedy"] for choice in choices],
            "spanned": any(choice["join_spanned"] for choice in choices),
            "scores": {name: scores[name] for name in ("acc", "acc_norm") if name in scores}}


def ask(program, model, all_questions, data, limit, work, threads):
    """For each set of questions, by name: its answers in order, and the scores of the whole."""
    config, database = work / "agreement.yaml", work / "agreement.db"
    config.write_text(json.dumps(config_of(model, all_questions, data, limit, database), indent=1),
                      encoding="utf-8")
    run([program, "run", str(config), "--threads", str(threads)])
    store = sqlite3.connect(f"{pathlib.Path(database).absolute().as_uri()}?mode=ro", uri=True)
    [last] = store.execute("SELECT max(id) FROM run").fetchone()
    found = {}
    for questions in all_questions:
        where = (last, questions.task, questions.shots)
        found[questions.name] = {
            "answers": [answer_of(row) for row in store.execute(ANSWERS, where)],
            "scores": dict(store.execute(SCORES, where))}
    store.close()
    return found
