"""What phibench answers: runs it on the same files, and reads its answers from the store.

Float32 for keys and values, as the harness' model has, and no white space dropped after special
tokens, for which the harness' tokenizer knows no rule; everything else is as a user would have it.
"""

import json
import pathlib
import re
import sqlite3
import subprocess
import sys

import agree_tasks

ANSWERS = """
SELECT item.subset, item.key, response.content, job.metric, verdict.score, verdict.predicted,
       verdict.others
FROM response JOIN job ON job.id = response.job JOIN item ON item.id = response.item
JOIN verdict ON verdict.response = response.id
WHERE job.run = ? AND job.suite = ? AND job.protocol = ? AND job.shots = ?
ORDER BY item.subset, item.line
"""
SCORES = """
SELECT metric, score FROM v_scores
WHERE run = ? AND suite = ? AND protocol = ? AND shots = ? AND subset = ''
"""
RSTRIP = "off"


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


def encode(program, model, text, is_chat):
    """The tokens of a text."""
    special = ["--special", "--rstrip", RSTRIP, "--no-bos"] if is_chat else []  # the template's
    command = [program, "tokenize", "-m", str(model), "--json", *special]
    return json.loads(run(command, text))["ids"]


def write_records(questions, data, work):
    """The file that both programs read, where one had to be made."""
    path = work / f"{questions.task}.jsonl"
    records = agree_tasks.records_of(questions, questions.file, data)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def write_task(program, questions, work):
    """phibench's own task, but for the length of its answers."""
    path = work / f"{questions.task}.yaml"
    text = run([program, "tasks", questions.task, "--show"])
    path.write_text(re.sub(r"max_tokens: \d+", f"max_tokens: {questions.max_tokens}", text),
                    encoding="utf-8")
    return path


def suite_of(program, questions, data, limit, work):
    """The suite that asks what the harness is asked."""
    path = write_records(questions, data, work) if questions.made else data / questions.file
    suite = {"data": str(path), "protocol": "lm-eval", "shots": questions.shots,
             "limit": min(questions.limit, limit or questions.limit)}
    if questions.examples and questions.shots:
        suite["examples"] = str(data / questions.examples)
    if questions.chat:
        suite |= {"chat": True, "fewshot_as_multiturn": questions.chat == "chat-multiturn"}
    if not questions.max_tokens:
        return {questions.task: suite}
    return {"task": {"file": str(write_task(program, questions, work)), **suite}}


def answer_of(row, has_subsets):
    """One question's numbers: of each choice, or the text; and phibench's verdicts."""
    subset, key, content, metric, score, predicted, others = row
    response = json.loads(content)
    answer = {"subset": subset if has_subsets else "", "key": key, "predicted": predicted or "",
              "cut": response["cut_tokens"],
              "prompt_tokens": response["prompt_tokens"] + response["cut_tokens"],
              "scores": {metric: score, **json.loads(others or "{}")}}
    if response["text"] is not None:
        return {**answer, "text": response["text"]}
    choices = response["choices"]
    return {**answer, "logprobs": [float(choice["logprob"]) for choice in choices],
            "tokens": [choice["tokens"] for choice in choices],
            "characters": [max(1, choice["characters"]) for choice in choices],
            "greedy": [choice["greedy"] for choice in choices],
            "spanned": any(choice["join_spanned"] for choice in choices)}


def ask(program, model, all_questions, data, limit, work, threads):
    """For each set of questions, by name: its answers in order, and the scores of the whole."""
    path, database = work / "agreement.yaml", work / "agreement.db"
    config = {"name": "agreement", "db": str(database),
              "suites": [suite_of(program, questions, data, limit, work)
                         for questions in all_questions],
              "models": [{"id": model.stem, "path": str(model), "kv": "f32", "rstrip": RSTRIP}]}
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    run([program, "run", str(path), "--threads", str(threads)])
    store = sqlite3.connect(f"{pathlib.Path(database).absolute().as_uri()}?mode=ro", uri=True)
    [last] = store.execute("SELECT max(id) FROM run").fetchone()
    found = {}
    for questions in all_questions:
        where = (last, questions.task, questions.protocol, questions.shots)
        has_subsets = questions.split(data) != [""]
        found[questions.name] = {
            "answers": [answer_of(row, has_subsets) for row in store.execute(ANSWERS, where)],
            "scores": dict(store.execute(SCORES, where))}
    store.close()
    return found
