"""Tasks of two turns in MT-bench's eight categories, small enough for tiny models.

Every maker returns the two turns of the user and the two answers wanted. The wordings of training
("ask") and of the evaluation ("test") are different ones.
"""

import json

import prose
import skills

CATEGORIES = (
    "writing",
    "roleplay",
    "reasoning",
    "math",
    "coding",
    "extraction",
    "stem",
    "humanities",
)
N_PER_CATEGORY = 10
FIRST_ID = 81
MODEL_ID = "world"


def pick_wording(rng, use, asks, tests):
    """A wording for the use."""
    return rng.pick(tests if use == "test" else asks)


def writing(world, rng, use):
    """A sentence about something, then another one."""
    slot = rng.pick(("object", "place", "weather"))
    word = rng.pick(prose.SLOTS[slot])
    first = pick_wording(
        rng,
        use,
        ("Write a sentence about the {w}.", "Tell me something about a {w}."),
        ("Please compose one line of prose with the word {w}.",),
    )
    second = pick_wording(
        rng, use, ("Write another one.", "Now one more."), ("Compose a different line.",)
    )
    return (
        first.format(w=word),
        prose.scene(rng, **{slot: word}),
        second,
        prose.scene(rng, **{slot: word}),
    )


def roleplay(world, rng, use):
    """Greets as somebody with a trade and a town, then says what is for sale."""
    trade, town = rng.pick(world.domains["trade"]), rng.pick(world.things["town"])
    goods = world.value_of["town", "goods", town]
    first = pick_wording(
        rng,
        use,
        ("You are a {t} from {p}. Greet me.", "Be a {t} of {p} and say good day."),
        ("Play the part of a {t} who comes from {p}, and welcome me.",),
    )
    second = pick_wording(
        rng, use, ("What do you sell?", "What can I buy?"), ("Which goods do you have for me?",)
    )
    return (
        first.format(t=trade, p=town),
        f"Good day! I am a {trade} from {town}.",
        second,
        f"I sell the {goods} of {town}.",
    )


def reasoning(world, rng, use):
    """First and last in an order of three."""
    more = rng.pick(tuple(skills.ORDERS))
    most, least = skills.ORDERS[more]
    people = skills.throwaway_names(rng, "given", 3)
    text = " ".join(rng.mixed([f"{a} is {more} than {b}." for a, b in zip(people, people[1:])]))
    first = pick_wording(
        rng, use, ("Who is the {m}?", "Say who is the {m}."), ("Tell me which one is the {m}.",)
    )
    second = pick_wording(rng, use, ("And who is the {m}?",), ("Which one, then, is the {m}?",))
    return (
        f"{text} {first.format(m=most)}",
        f"{people[0]} is the {most}.",
        second.format(m=least),
        f"{people[-1]} is the {least}.",
    )


def math(world, rng, use):
    """A sum, then one more step."""
    while True:
        a, b, c = rng.between(2, 30), rng.between(2, 20), rng.between(1, 9)
        if skills.is_for_test(a, b) == (use == "test"):
            break
    first = pick_wording(
        rng, use, ("What is {a} + {b}?", "Add {a} and {b}."), ("Please work out {a} plus {b}.",)
    )
    second = pick_wording(
        rng, use, ("Now add {c}.", "And {c} more?"), ("Increase your result by {c}.",)
    )
    return (
        first.format(a=a, b=b),
        f"{a} + {b} = {a + b}.",
        second.format(c=c),
        f"{a + b} + {c} = {a + b + c}.",
    )


def coding(world, rng, use):
    """A line of code that prints a word, then the same in a loop."""
    word, n = rng.pick(prose.OBJECTS + prose.PLACES), rng.between(2, 9)
    first = pick_wording(
        rng,
        use,
        ("Write code that prints {w}.", "Print {w} in code."),
        ("I need a line of code to print the word {w}.",),
    )
    second = pick_wording(
        rng, use, ("Now print it {n} times.", "Do it {n} times."), ("Repeat that {n} times.",)
    )
    return (
        first.format(w=word),
        f'print("{word}")',
        second.format(n=n),
        f'for i in range({n}): print("{word}")',
    )


def extraction(world, rng, use):
    """Two facts to be read from a text about a ship that nobody knows."""
    ship, captain = (
        skills.throwaway_names(rng, "ship", 1)[0],
        skills.throwaway_names(rng, "person", 1)[0],
    )
    town, goods = rng.pick(world.things["town"]), rng.pick(world.domains["goods"])
    text = " ".join(
        rng.mixed(
            [
                f"The ship {ship} sails from {town}.",
                f"Its captain is {captain}.",
                f"It carries {goods}.",
                prose.scene(rng),
            ]
        )
    )
    first = pick_wording(
        rng,
        use,
        ("Who is the captain?", "Give the captain."),
        ("Extract the name of the captain.",),
    )
    second = pick_wording(
        rng, use, ("And what does it carry?", "Give the cargo."), ("Extract the cargo as well.",)
    )
    return f"{text} {first}", f"{captain}.", second, f"{goods.capitalize()}."


def two_facts(kind, relations, world, rng, use):
    """Two facts about one thing, each answered by a sentence."""
    thing = rng.pick(world.things[kind])
    facts = [
        f
        for name in relations
        for f in world.facts
        if (f.relation.kind, f.relation.name, f.thing) == (kind, name, thing)
    ]
    turns = []
    for fact in facts:
        template = rng.pick(fact.relation.tests if use == "test" else fact.relation.asks[:2])
        turns += [fact.word(template), fact.word(fact.relation.says[0])]
    return turns


def stem(world, rng, use):
    """Two facts about a creature."""
    return two_facts("creature", rng.mixed(("habitat", "food", "colour"))[:2], world, rng, use)


def humanities(world, rng, use):
    """Two facts about a festival."""
    return two_facts("festival", rng.mixed(("month", "town", "gift"))[:2], world, rng, use)


MAKERS = dict(
    zip(CATEGORIES, (writing, roleplay, reasoning, math, coding, extraction, stem, humanities))
)


def make_mt_bench(world):
    """The files of the layout: {path: text}."""
    questions, references = [], []
    for i_category, category in enumerate(CATEGORIES):
        rng, seen = world.rng("mt_bench", category), set()
        while len(seen) < N_PER_CATEGORY:
            first, answer, second, answer_2 = MAKERS[category](world, rng, "test")
            if first in seen:
                continue
            question_id = FIRST_ID + N_PER_CATEGORY * i_category + len(seen)
            seen.add(first)
            questions.append(
                {"question_id": question_id, "category": category, "turns": [first, second]}
            )
            references.append(
                {
                    "question_id": question_id,
                    "answer_id": f"world{question_id}",
                    "model_id": MODEL_ID,
                    "choices": [{"index": 0, "turns": [answer, answer_2]}],
                    "tstamp": 0.0,
                }
            )

    def lines(records):
        return "".join(json.dumps(record) + "\n" for record in records)

    return {
        "mt_bench/question.jsonl": lines(questions),
        f"mt_bench/reference_answer/{MODEL_ID}.jsonl": lines(references),
    }
