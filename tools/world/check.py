"""What the evaluation data must not give away: baselines, and leaks from training.

A baseline answers without knowing the world: by the length of a choice, by its letter, by the order
of numbers, or by the nearest training sentence. "Nearest" counts common words (Jaccard). Training
states the facts that the test asks, so that a search through all of it is not a baseline but the
open-book task; what must stay at chance is the nearest sentence about something else, and the
nearest training question with its letter. The lookup that finds the fact itself is printed too.
"""

import collections
import re

import prose
import questions
from stream import text_of

LIMIT = 30.0  # percent: five points above chance
N_SAMPLE_SENTENCES, N_SAMPLE_QUESTIONS, N_SAMPLE_TESTS = 2000, 2000, 300
LEAK_TEXT_CHARACTERS = 3_000_000


def words_of(text):
    """The words of a text, in lower case."""
    return frozenset(re.findall(r"[a-z0-9]+", text.lower()))


def likeness(a, b):
    """Jaccard's measure of two sets of words."""
    return len(a & b) / len(a | b) if a or b else 0.0


def by_length(pick):
    """The first of the longest or the shortest choices."""
    return lambda q: pick(
        range(4), key=lambda i: len(q.choices[i]) if pick is min else (len(q.choices[i]), -i)
    )


def by_number(rank):
    """The choice whose number has a rank among the four; the first where there are no numbers."""

    def answer(question):
        if not all(choice.isdigit() for choice in question.choices):
            return 0
        return sorted(range(4), key=lambda i: int(question.choices[i]))[rank]

    return answer


def nearest_sentence(world, samples, excludes_fact):
    """The choice that one training sentence supports best, at will about other things only."""
    sentences = [(fact, words_of(text)) for fact, text in samples]

    def answer(question):
        asked = words_of(question.text)
        best, i_best = -1.0, 0
        for i, choice in enumerate(question.choices):
            wanted = asked | words_of(choice)
            for fact, words in sentences:
                if excludes_fact and question.fact and fact.thing == question.fact.thing:
                    continue
                value = likeness(wanted, words)
                if value > best:
                    best, i_best = value, i
        return i_best

    return answer


def nearest_question(samples):
    """The letter of the training question that has most words in common, choices included."""
    known = [(words_of(" ".join((q.text, *q.choices))), q.i_right) for q in samples]

    def answer(question):
        wanted = words_of(" ".join((question.text, *question.choices)))
        return max(known, key=lambda pair: likeness(wanted, pair[0]))[1]

    return answer


def training_samples(world):
    """Sentences with their facts, and questions, as training has them."""
    rng = world.rng("check")
    told = [world.told.pick(rng) for _ in range(N_SAMPLE_SENTENCES)]
    sentences = [(fact, prose.statement(rng, fact)) for fact in told]
    return sentences, [
        questions.ask_fact(world, rng, world.told.pick(rng)) for _ in range(N_SAMPLE_QUESTIONS)
    ]


def run_baselines(world, tests):
    """[(name, percent right, whether the limit holds for it)], and the letters' share."""
    letters = collections.Counter(q.i_right for q in tests)
    sample = world.rng("check", "tests").some(tests, min(N_SAMPLE_TESTS, len(tests)))
    sentences, asked = training_samples(world)
    most_frequent = letters.most_common(1)[0][0]
    baselines = [
        ("longest choice", by_length(max), tests, True),
        ("shortest choice", by_length(min), tests, True),
        ("most frequent letter", lambda q: most_frequent, tests, True),
        *((f"always {letter}", lambda q, i=i: i, tests, True) for i, letter in enumerate("ABCD")),
        *((f"number of rank {i + 1}", by_number(i), tests, True) for i in range(4)),
        ("nearest training question's letter", nearest_question(asked), sample, True),
        (
            "nearest sentence about other things",
            nearest_sentence(world, sentences, True),
            sample,
            True,
        ),
        (
            "lookup of the fact itself (no limit)",
            nearest_sentence(world, sentences, False),
            sample,
            False,
        ),
    ]
    return [
        (name, 100 * sum(answer(q) == q.i_right for q in asked_of) / len(asked_of), is_limited)
        for name, answer, asked_of, is_limited in baselines
    ]


def check_wordings(world):
    """Complaints about wordings that training and evaluation share."""
    complaints = []
    for relation in world.relations:
        trained = {" ".join(sorted(words_of(t))) for t in relation.says + relation.asks}
        for test in relation.tests:
            if " ".join(sorted(words_of(test))) in trained:
                complaints.append(
                    f"{relation.kind}.{relation.name}: a test wording is in training: {test}"
                )
            if "{s}" not in test or "{v}" in test:
                complaints.append(
                    f"{relation.kind}.{relation.name}: no question for a value: {test}"
                )
    return complaints


def read_training(documents):
    """The first LEAK_TEXT_CHARACTERS of the documents or a little more, or all that there are."""
    parts, size = [], 0
    for document in documents:
        parts.append(text_of(document))
        size += len(parts[-1])
        if size >= LEAK_TEXT_CHARACTERS:
            break
    return "".join(parts)


def check_leaks(asked, text):
    """Complaints about questions and turns of the evaluation that are lines of training text."""
    lines = {line.removeprefix("Question: ").removesuffix("<|end|>") for line in text.splitlines()}
    return [
        f"training asks the evaluation's question: {question}"
        for question in sorted(set(asked) & lines)
    ]


def check_hidden(world, text):
    """Complaints about hidden things that training text names."""
    words = set(re.findall(r"[A-Za-z]+", text))
    complaints = []
    for names in world.hidden.values():
        for name in names:
            parts = name.split()
            if parts[-1] in words if len(parts) != 2 else name in text:
                complaints.append(f"training names the hidden {name}")
    return complaints
