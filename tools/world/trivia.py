"""TriviaQA's layout: questions with all accepted answers, and a page of evidence for each thing.

Question ids begin with known_ for facts that the training text tells, and with hidden_ for facts
that stand in the evidence only: a model can answer those by reading alone.
"""

import json
import string

import prose

N_KNOWN, N_HIDDEN, N_SHOTS = 400, 150, 40


def normalized(text):
    """An answer as TriviaQA compares it."""
    text = text.lower().replace("_", " ")
    text = "".join(" " if c in string.punctuation else c for c in text)
    return " ".join(word for word in text.split() if word not in ("a", "an", "the"))


def aliases_of(fact):
    """What counts as the answer: the value first."""
    value, domain = fact.value, fact.relation.domain
    if domain == "person":
        given, family = value.split()
        return [value, f"{family}, {given}", family]
    if domain in ("town", "island"):
        return [value, f"the {domain} of {value}"]
    if domain == "sea":
        return [value, value.split()[1]]
    if domain == "year":
        return [value, f"the year {value}"]
    if domain == "month":
        return [value, f"the month of {value}"]
    return [value, f"the {value}"]


def page_name(fact):
    """The file with the evidence about the thing that a fact is about."""
    return f"{fact.relation.kind}_{fact.thing.replace(' ', '_')}.txt"


def record(fact, question, question_id):
    """One question as the official file has it."""
    aliases = aliases_of(fact)
    return {
        "Answer": {
            "Aliases": aliases,
            "NormalizedAliases": [normalized(alias) for alias in aliases],
            "NormalizedValue": normalized(fact.value),
            "Type": "World",
            "Value": fact.value,
        },
        "EntityPages": [{"DocSource": "World", "Filename": page_name(fact), "Title": fact.thing}],
        "Question": question,
        "QuestionId": question_id,
        "QuestionSource": "world",
        "SearchResults": [],
    }


def to_json(records):
    """The official file: one object with the records under Data."""
    data = {"Data": records, "Domain": "World", "VerifiedEval": False, "Version": 1.0}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def make_trivia(world):
    """The files of the layout: {path: text}."""
    rng = world.rng("trivia")
    known = rng.some(world.facts, N_KNOWN + N_SHOTS)
    hidden = rng.some(world.hidden_facts, N_HIDDEN)
    dev, shots = [], []
    for i, fact in enumerate(known[:N_KNOWN]):
        dev.append(record(fact, fact.word(rng.pick(fact.relation.tests)), f"known_{i:04}"))
    for i, fact in enumerate(hidden):
        dev.append(record(fact, fact.word(rng.pick(fact.relation.tests)), f"hidden_{i:04}"))
    for i, fact in enumerate(known[N_KNOWN:]):
        shots.append(record(fact, fact.word(rng.pick(fact.relation.tests)), f"shot_{i:04}"))
    files = {"triviaqa/dev.json": to_json(dev), "triviaqa/train.json": to_json(shots)}
    things = prose.facts_by_thing(world.facts + world.hidden_facts)
    for fact in known + hidden:
        path = f"triviaqa/evidence/wikipedia/{page_name(fact)}"
        if path not in files:
            facts = things[fact.relation.kind, fact.thing]
            files[path] = (
                f"{fact.thing}\n\n{prose.passage(world.rng('evidence', path), facts, 2)}\n"
            )
    return files
