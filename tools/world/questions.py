"""Questions with four choices: from facts and problems to rows of MMLU's files and prompts.

Knows the formats in which phibench puts such questions (the protocols hendrycks, lm-eval, phi3 of
suites/mmlu.c), because training practises exactly these.
"""

import csv
import dataclasses
import io

import skills

LETTERS = "ABCD"


@dataclasses.dataclass(frozen=True)
class Question:
    """A question, its choices, the index of the right one; the fact that it asks, if any."""

    subject: str
    text: str
    choices: tuple
    i_right: int
    fact: object = None

    @property
    def letter(self):
        """The letter of the right choice."""
        return LETTERS[self.i_right]


def arrange(rng, subject, text, right, wrong, i_right=None, fact=None):
    """A question with the wrong choices in random order and the right one in its place."""
    choices = rng.mixed(wrong)
    i_right = rng.below(4) if i_right is None else i_right
    choices.insert(i_right, right)
    return Question(subject, text, tuple(choices), i_right, fact)


def ask_fact(world, rng, fact, use="ask", i_right=None):
    """A question for a value, in a wording of training ("ask") or of the evaluation ("test")."""
    templates = fact.relation.tests if use == "test" else fact.relation.asks
    text, wrong = fact.word(rng.pick(templates)), world.other_values(rng, fact)
    return arrange(rng, fact.relation.subject, text, fact.value, wrong, i_right, fact)


def ask_hop(world, rng, fact, use="ask", i_right=None):
    """A question for the island of the town that a fact names."""
    problem = skills.make_hop(world, rng, fact, use)
    return arrange(rng, "high_school_geography", *problem, i_right, fact)


def ask_problem(rng, subject, use="ask", i_right=None):
    """A question that is thought out."""
    return arrange(rng, subject, *skills.make_problem(rng, subject, use), i_right)


def subjects_of(world):
    """All subjects, sorted."""
    return sorted({relation.subject for relation in world.relations} | set(skills.SUBJECTS))


def hop_facts(world):
    """The facts that lead on to an island."""
    return [f for f in world.facts if (f.relation.kind, f.relation.name) in skills.HOPS]


def balanced_places(rng, n):
    """n places of right choices: each of the four equally often, in random order."""
    return rng.mixed([i % 4 for i in range(n)])


def make_subject(world, subject, sizes):
    """Different questions in the evaluation's wordings: {split: [questions]} for {split: n}."""
    rng = world.rng("mmlu", subject)
    asks = [(ask_fact, f) for f in world.facts if f.relation.subject == subject]
    if subject == "high_school_geography":
        asks += [(ask_hop, f) for f in hop_facts(world)[::4]]
    n_wordings = sum(len(fact.relation.tests) for _, fact in asks)
    if asks and n_wordings < sum(sizes.values()):
        raise ValueError(f"{subject} has only {n_wordings} questions: the world is too small")
    splits, pool, seen = {}, [], set()
    for split, n in sizes.items():
        splits[split] = []
        for i_right in balanced_places(rng, n):
            while True:
                if not asks:
                    question = ask_problem(rng, subject, "test", i_right)
                else:
                    pool = pool or rng.mixed(asks)  # each fact once before any comes twice
                    ask, fact = pool.pop()
                    question = ask(world, rng, fact, "test", i_right)
                key = question.text, question.choices[i_right]
                if key not in seen:
                    break
            seen.add(key)
            splits[split].append(question)
    return splits


def to_csv(questions):
    """Rows of MMLU's files: question, A, B, C, D, letter; no header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for question in questions:
        writer.writerow([question.text, *question.choices, question.letter])
    return out.getvalue()


def header_of(subject, protocol):
    """The line before the questions."""
    if protocol == "phi3":
        return ""
    space = "  " if protocol == "hendrycks" else " "
    name = subject.replace("_", " ")
    if protocol == "continuation":
        return f"The following are questions (with answers) about {name}.\n\n"
    return f"The following are multiple choice questions (with answers) about{space}{name}.\n\n"


def prompt_of(question, protocol):
    """The question with its choices, up to and with "Answer:"."""
    before, between = ("Question:\n", "\nOptions:\n") if protocol == "phi3" else ("", "\n")
    choices = "".join(f"{letter}. {choice}\n" for letter, choice in zip(LETTERS, question.choices))
    return f"{before}{question.text}{between}{choices}Answer:"
