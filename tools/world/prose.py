"""Running text: articles about things, scenes of island life, passages for reading.

An article tells the facts of one thing in the wordings of wordings.txt, with scenes between them,
under a heading as wikitext has it. Scenes state no facts; they make the text a text.
"""

PLACES = "harbour market mill bridge tower orchard shore square workshop garden".split()
TIMES = "morning evening night day week summer winter".split()
WEATHER = "rain wind fog snow sunshine thunder".split()
OBJECTS = "net lamp boat barrel basket door ladder rope bell cart".split()
FOLK = "children fishers traders neighbours guests sailors cooks singers".split()
MOODS = "glad tired quiet hungry proud merry sleepy busy".split()
SCENES = (
    "The {weather} lasted all {time}, and the {folk} stayed by the {place}.",
    "In the {time} the {folk} were {mood}.",
    "Somebody left a {object} at the {place}, and nobody came for it.",
    "Near the {place} the {folk} mended a {object}.",
    "After the {weather} the {place} was empty.",
    "The {folk} tell stories about a {object} and the {weather}.",
    "One {time} the {folk} lost a {object} in the {weather}.",
    "At the {place} there is a {object} for everybody.",
    "When {weather} comes, the {folk} run to the {place}.",
    "They were {mood} that {time}, and a {object} hung over the {place}.",
    "From the {place} one hears the {folk} sing all {time}.",
    "No {object} is older than the one at the {place}.",
    "A traveller seeks the {place} and looks at his charts.",
    "Would someone paint a {object} during the {weather}?",
    "Among the {folk} there was a farmer who had seen the signs of the sky.",
    "The rising sun appears over the {place}, and the {folk} wait for it.",
    "He saw a lump of clay at the {place} and had to touch it.",
    "The chronicle is a part of the history of the {place}.",
    "Once a judge led the {folk} into the {place}.",
    "It was written that a {object} belongs to those who use it.",
    "An act that offends the {folk} is no proper act, says the judge.",
    "Whose {object} is it? The guilty one must break it.",
    "A pilgrim celebrates with the {folk} and learns their songs.",
    "The map of the {place} made the {folk} famous.",
    "Which person gave us the {object}? The member of the council travels back.",
    "The crew come home and call for the cook and his recipe.",
    "A trader buys a {object} for a sum, and the price is the main thing.",
    "The stalls open, the goods are loaded, and a {object} is for sale.",
    "They honour the one who began to work at the {place}.",
    "Members of the council wear coats of cloth and take a seat.",
    "The orders of the captain: mine, dig and translate what the islander says.",
    "What awaits the {folk} is bound to the shores of the {place}.",
    "A banner describes the habitat of the {folk}, and the material is cloth.",
    "They punish nobody, for the {folk} gave their vote to the {place}.",
)
SLOTS = {
    "place": PLACES,
    "time": TIMES,
    "weather": WEATHER,
    "object": OBJECTS,
    "folk": FOLK,
    "mood": MOODS,
}


def scene(rng, **fixed):
    """A sentence of island life, about the given things if it has a slot for them."""
    templates = [t for t in SCENES if all("{" + slot + "}" in t for slot in fixed)]
    return rng.pick(templates).format(
        **{slot: rng.pick(words) for slot, words in SLOTS.items()} | fixed
    )


def statement(rng, fact):
    """The fact in one of its wordings."""
    return fact.word(rng.pick(fact.relation.says))


def passage(rng, facts, n_scenes=1):
    """The facts of a thing with a few scenes between them, in random order, on one line."""
    sentences = [statement(rng, fact) for fact in facts] + [scene(rng) for _ in range(n_scenes)]
    return " ".join(rng.mixed(sentences))


def article(rng, thing, facts):
    """An article of one or two paragraphs with its heading."""
    paragraphs = [passage(rng, facts, rng.between(1, 3))]
    if rng.below(2):
        paragraphs.append(" ".join(scene(rng) for _ in range(rng.between(2, 4))))
    return f" = {thing} = \n\n" + "\n".join(f" {p} " for p in paragraphs) + "\n\n"


def facts_by_thing(facts):
    """The facts of each thing: {(kind, thing): [facts]}, in the order of the facts."""
    things = {}
    for fact in facts:
        things.setdefault((fact.relation.kind, fact.thing), []).append(fact)
    return things


def articles(world, rng, n_bytes):
    """Articles about things of the world, drawn as often as their facts are told, up to n_bytes."""
    things = facts_by_thing(world.facts)
    parts, size = [], 0
    while size < n_bytes:
        fact = world.told.pick(rng)
        parts.append(article(rng, fact.thing, things[fact.relation.kind, fact.thing]))
        size += len(parts[-1])
    return "".join(parts)
