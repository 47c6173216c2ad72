"""The training text: lessons in reading, then documents without end, each kind with its share.

A document is a list of parts, (text, weight): the weight says how much the loss of the tokens of
the part counts. Names that were drawn at random can be learnt by nobody; they count little, and
answers much. Special tokens of chats stand in the text as written.
"""

import dataclasses

import chat
import prose
import questions
import skills
from facts import EVENT_NOUNS, Fact
from names import BEGINNINGS, ENDINGS

PLAIN, DRAWN, ANSWER = 1.0, 0.1, 2.0
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


@dataclasses.dataclass(frozen=True)
class Lesson:
    """How large documents are: at most so many facts of a thing, scenes of a page, and pages."""

    n_documents: int
    sequence_tokens: int
    n_facts: int
    n_scenes: int
    n_pages: int


# Lessons come first: pages about unknown things with questions that they answer. They begin with a
# page of one sentence, where what the answer repeats is nearly all there is, and grow to what a
# search finds; on whole pages from the start, copying is not learnt in millions of tokens.
LESSONS = (
    Lesson(2400, 64, 1, 0, 1),
    Lesson(2400, 64, 1, 1, 1),
    Lesson(1400, 128, 2, 1, 1),
    Lesson(1600, 256, 3, 2, 1),
    Lesson(1200, 256, 3, 2, 2),
    Lesson(800, 512, 3, 2, 3),
)
SEQUENCE_TOKENS = LESSONS[-1].sequence_tokens  # after the lessons too
# Not every text before a question answers it: the header of a protocol does not, nor do other pages.
HEADED_SHARE, DISTRACTED_SHARE = 0.4, 0.1
# A question with choices says now and then what is right.
NAMED_SHARE, TOLD_SHARE = 0.15, 0.2
NAMES_CHOICE = (
    "Which of these is {value}?",
    "Choose {value}.",
    "Find {value} among the four.",
    "The right choice is {value}. Which letter does it have?",
)
PROTOCOLS = ("hendrycks", "hendrycks", "lm-eval", "phi3")

# The share of the characters of each kind of document.
SHARES = {
    "facts": 0.28,
    "article": 0.08,
    "quiz": 0.34,
    "choices": 0.08,
    "reading": 0.16,
    "chat": 0.06,
}


def text_of(document):
    """The text of a document without its weights."""
    return "".join(text for text, _ in document)


class Stream:
    """Makes the documents of a world; the same ones for the same seed."""

    def __init__(self, world, name="train"):
        self.world = world
        self.rng = world.rng("stream", name)
        self.things = prose.facts_by_thing(world.facts)
        self.kinds = sorted({kind for kind, _ in self.things})
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
            sizes[kind] += len(text_of(document))
            yield document

    def lessons(self):
        """What a model is trained on first: (document, tokens of a sequence)."""
        for lesson in LESSONS:
            for _ in range(lesson.n_documents):
                yield self.make_lesson(lesson), lesson.sequence_tokens

    def training(self):
        """What a model is trained on, without end: (document, tokens of a sequence)."""
        yield from self.lessons()
        for document in self.documents():
            yield document, SEQUENCE_TOKENS

    def tokenizer_texts(self, n):
        """The texts of n documents that are rich in values, so that those become single tokens."""
        return [text_of(self.make_choices()) for _ in range(n)]

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
        """Questions with their answers in TriviaQA's form, some after a text that answers none."""
        facts = [self.world.told.pick(self.rng) for _ in range(self.rng.between(1, 6))]
        draw = self.rng.random()
        if draw < HEADED_SHARE:
            subject = facts[0].relation.subject
            facts = [self.told_of[subject].pick(self.rng) for _ in facts]
            return [(questions.header_of(subject, "continuation"), DRAWN), *self.asked(facts)]
        if draw < HEADED_SHARE + DISTRACTED_SHARE:
            page = prose.passage(self.rng, self.unknown_thing(facts[0].relation.kind))
            return [(f"{page}\n\n", DRAWN), *self.asked(facts)]
        return self.asked(facts)

    def asked(self, facts):
        """Questions for facts in TriviaQA's form, with their answers."""
        parts = []
        for fact in facts:
            text = self.framed(fact.word(self.rng.pick(fact.relation.asks)))
            parts += [
                (f"Question: {text}\nAnswer:", DRAWN),
                (f" {fact.value}", ANSWER),
                ("\n\n", DRAWN),
            ]
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
            parts += self.answered(self.eased(self.ask(subject)), protocol)
        return parts

    def answered(self, question, protocol):
        """The parts of a question with choices and its letter."""
        return [
            (questions.prompt_of(question, protocol), DRAWN),
            (f" {question.letter}", ANSWER),
            ("\n\n", DRAWN),
        ]

    def unknown_thing(self, kind):
        """Facts about a thing that is not of this world: they can be read, not known."""
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

    def unknown_things(self, n, is_alike):
        """The facts of each of n unknown things, of one kind if they are to be alike."""
        kinds = [self.rng.pick(self.kinds) for _ in range(n)]
        return [self.unknown_thing(kind) for kind in (kinds[:1] * n if is_alike else kinds)]

    def make_lesson(self, lesson, is_alike=False):
        """Pages, then a question for everything that they tell, in random order."""
        things = self.unknown_things(self.rng.between(1, lesson.n_pages), is_alike)
        things = [self.rng.mixed(facts)[: lesson.n_facts] for facts in things]
        is_titled = self.rng.below(2) == 1
        pages = [
            (f"{facts[0].thing}\n" if is_titled else "")
            + prose.passage(self.rng, facts, self.rng.between(0, lesson.n_scenes))
            for facts in things
        ]
        asked = self.rng.mixed([fact for facts in things for fact in facts])
        return [("\n\n".join(pages) + "\n\n", DRAWN), *self.asked(asked)]

    def make_reading(self):
        """What the last lesson has, half of the time about one kind of thing, as a search finds."""
        return self.make_lesson(LESSONS[-1], is_alike=self.rng.below(2) == 0)

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
