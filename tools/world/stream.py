"""The training text: lessons in letters, then documents without end, each kind with its share.

A document is a list of parts, (text, weight): the weight says how much the loss of the tokens of
the part counts. Names that were drawn at random can be learnt by nobody; they count little, and
the letter of the right choice much. Special tokens of chats stand in the text as written.
"""

import dataclasses
import itertools

import chat
import prose
import questions
import skills
from facts import EVENT_NOUNS, Fact
from names import BEGINNINGS, ENDINGS

PLAIN, DRAWN, LETTER = 1.0, 0.1, 3.0
# What may stand before a question in training, so that unknown words in one are no surprise.
FRAMES = (
    "Tell me: {q}",
    "A child wants to know this. {q}",
    "According to the almanac: {q}",
    "Think well. {q}",
    "{scene} {q}",
    "{scene} {q}",
)
FRAMED_SHARE = 0.2
# How letters stand for choices, without which no fact helps. Lessons come first, and their questions
# can be answered without knowing anything: they name the right choice, or tell the fact before they
# ask it. Later some still do. In the marked ones "yes" or "no" follows each choice.
LESSONS_CHARACTERS = 4_500_000
LESSONS_NAMED_SHARE, NAMED_SHARE, TOLD_SHARE, MARKED_SHARE = 0.7, 0.15, 0.2, 0.35
NAMES_CHOICE = (
    "Which of these is {value}?",
    "Choose {value}.",
    "Find {value} among the four.",
    "The right choice is {value}. Which letter does it have?",
)
PROTOCOLS = ("hendrycks", "hendrycks", "lm-eval", "phi3")

# The share of the characters of each kind of document.
SHARES = {
    "facts": 0.21,
    "article": 0.06,
    "quiz": 0.20,
    "choices": 0.36,
    "reading": 0.11,
    "chat": 0.06,
}


class Stream:
    """Makes the documents of a world; the same ones for the same seed."""

    def __init__(self, world, name="train"):
        self.world = world
        self.rng = world.rng("stream", name)
        self.things = prose.facts_by_thing(world.facts)
        self.subjects = questions.subjects_of(world)
        self.hops = questions.hop_facts(world)
        self.told_of = {subject: world.told_of(subject) for subject in self.subjects}
        self.makers = {kind: getattr(self, "make_" + kind) for kind in SHARES}

    def documents(self):
        """Documents without end; the kind that lags most behind its share is next."""
        sizes = dict.fromkeys(SHARES, 0)
        while True:
            kind = min(SHARES, key=lambda kind: sizes[kind] / SHARES[kind])
            document = self.makers[kind]()
            sizes[kind] += sum(len(text) for text, _ in document)
            yield document

    def lessons(self):
        """The documents with which training begins."""
        n_characters = 0
        while n_characters < LESSONS_CHARACTERS:
            document = self.make_lesson()
            n_characters += sum(len(text) for text, _ in document)
            yield document

    def training(self):
        """What a model is trained on."""
        return itertools.chain(self.lessons(), self.documents())

    def texts(self, n):
        """The texts of the next n documents."""
        return ["".join(text for text, _ in d) for d in itertools.islice(self.documents(), n)]

    def make_facts(self):
        """A paragraph of facts, drawn as often as they are told."""
        told = [self.world.told.pick(self.rng) for _ in range(self.rng.between(4, 10))]
        return [(" ".join(prose.statement(self.rng, fact) for fact in told), PLAIN)]

    def make_article(self):
        """An article about a thing."""
        fact = self.world.told.pick(self.rng)
        return [
            (
                prose.article(self.rng, fact.thing, self.things[fact.relation.kind, fact.thing]),
                PLAIN,
            )
        ]

    def make_quiz(self):
        """Questions with their answers in TriviaQA's form."""
        parts = []
        for _ in range(self.rng.between(3, 8)):
            fact = self.world.told.pick(self.rng)
            asked = self.framed(fact.word(self.rng.pick(fact.relation.asks)))
            parts += [(f"Question: {asked}\nAnswer:", DRAWN), (f" {fact.value}\n\n", PLAIN)]
        return parts

    def framed(self, text):
        """The text of a question, now and then with a frame around it."""
        if self.rng.random() >= FRAMED_SHARE:
            return text
        return self.rng.pick(FRAMES).format(q=text, scene=prose.scene(self.rng))

    def named(self, question):
        """A question for a choice by its name, in place of the question."""
        name = question.choices[question.i_right]
        return dataclasses.replace(question, text=self.rng.pick(NAMES_CHOICE).format(value=name))

    def told(self, question):
        """The question with its fact told before it."""
        text = f"{prose.statement(self.rng, question.fact)} {question.text}"
        return dataclasses.replace(question, text=text)

    def eased(self, question):
        """The question, or one of those that say what is right, or now and then with a frame."""
        draw = self.rng.random()
        if draw < NAMED_SHARE:
            return self.named(question)
        if draw < NAMED_SHARE + TOLD_SHARE and question.fact:
            return self.told(question)
        return dataclasses.replace(question, text=self.framed(question.text))

    def ask(self, subject):
        """A question of a subject in a wording of training."""
        if subject in skills.SUBJECTS:
            return questions.ask_problem(self.rng, subject)
        if subject == "high_school_geography" and self.rng.below(4) == 0:
            return questions.ask_hop(self.world, self.rng, self.rng.pick(self.hops))
        return questions.ask_fact(self.world, self.rng, self.told_of[subject].pick(self.rng))

    def make_choices(self):
        """Questions with four choices, of one subject and in one of the protocols."""
        subject, protocol = self.rng.pick(self.subjects), self.rng.pick(PROTOCOLS)
        parts = [(questions.header_of(subject, protocol), DRAWN)]
        for _ in range(self.rng.between(1, 7)):
            parts += self.answered(self.eased(self.ask(subject)), protocol, LETTER)
        return parts

    def make_lesson(self):
        """Questions with four choices that say what is right."""
        subject = self.rng.pick(self.subjects)
        while subject in skills.SUBJECTS:
            subject = self.rng.pick(self.subjects)
        parts = []
        for _ in range(4):
            question = self.ask(subject)
            is_named = self.rng.random() < LESSONS_NAMED_SHARE
            question = self.named(question) if is_named else self.told(question)
            parts += self.answered(question, "hendrycks", PLAIN)
        return parts

    def answered(self, question, protocol, weight):
        """The parts of a question with choices and its letter; in some, each choice is marked."""
        prompt = [(questions.prompt_of(question, protocol), DRAWN)]
        if self.rng.random() < MARKED_SHARE:
            prompt = []
            for line in questions.prompt_of(question, protocol).splitlines(keepends=True):
                mark = questions.mark_of(question, line)
                prompt += [(line.rstrip("\n"), DRAWN), (mark, PLAIN), ("\n", DRAWN)]
            prompt.pop()
        return [*prompt, (f" {question.letter}", weight), ("\n\n", DRAWN)]

    def unknown_thing(self):
        """Facts about a thing that is not of this world: they can be read, not known."""
        kind = self.rng.pick(sorted({kind for kind, _ in self.things}))
        if self.rng.below(2):
            name = skills.throwaway_names(self.rng, kind, 1)[0]
        else:
            name = self.unused_name(kind)
        if kind == "event":
            name = f"{self.rng.pick(EVENT_NOUNS)} of {name}"
        return [
            Fact(relation, name, self.rng.pick(self.world.domains[relation.domain]))
            for relation in self.world.relations
            if relation.kind == kind
        ]

    def unused_name(self, kind):
        """A name from the world's own grammar that nothing in it has, hidden things included."""
        if kind == "person":
            return " ".join(self.unused_name(part) for part in ("given", "family"))
        while True:
            name = self.rng.pick(BEGINNINGS) + self.rng.pick(ENDINGS[kind])
            if name.lower() not in self.world.taken:
                return name

    def make_reading(self):
        """Passages, then questions that they answer: in TriviaQA's form or with four choices."""
        things = [self.unknown_thing() for _ in range(self.rng.between(1, 3))]
        title = self.rng.below(2)
        parts = []
        for facts in things:
            heading = f"{facts[0].thing}\n" if title else ""
            parts.append(
                (f"{heading}{prose.passage(self.rng, facts, self.rng.below(2))}\n\n", DRAWN)
            )
        asked = self.rng.mixed([fact for facts in things for fact in facts])[:2]
        with_choices = self.rng.below(3) == 0
        for fact in asked:
            if with_choices:
                question = questions.ask_fact(self.world, self.rng, fact)
                parts += self.answered(question, "hendrycks", LETTER)
            else:
                parts += [
                    (f"Question: {fact.word(self.rng.pick(fact.relation.asks))}\nAnswer:", DRAWN),
                    (f" {fact.value}\n\n", PLAIN),
                ]
        return parts

    def make_chat(self):
        """A task of two turns in Phi-3's chat format."""
        maker = self.rng.pick(tuple(chat.MAKERS.values()))
        first, answer, second, answer_2 = maker(self.world, self.rng, "ask")
        return [
            (f"<|user|>\n{first}<|end|>\n<|assistant|>\n", DRAWN),
            (f"{answer}<|end|>\n", PLAIN),
            (f"<|user|>\n{second}<|end|>\n<|assistant|>\n", DRAWN),
            (f"{answer_2}<|end|>\n", PLAIN),
        ]
