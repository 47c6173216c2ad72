"""The fact base: what there is in the archipelago, what holds of it, and how often it is told.

A world has things of many kinds; each has a value for every relation of its kind (wordings.txt).
Values are drawn evenly and independently, so that no fact can be guessed from another. Hidden
things have facts too, but training never mentions them: only evidence does. How often training
tells a fact falls with its rank as in Zipf's law, so that larger models know more of the tail.
"""

import dataclasses
import pathlib

from names import make_names, make_people
from rng import Rng, Weighted

# How many things of each kind are known, and how many are hidden; people and values come on top.
KNOWN = {
    "island": 14,
    "town": 50,
    "person": 110,
    "creature": 60,
    "star": 40,
    "mineral": 40,
    "event": 50,
    "ruin": 40,
    "law": 50,
    "festival": 50,
    "steward": 40,
    "market": 40,
    "dish": 60,
    "guild": 40,
    "word": 130,
    "ship": 50,
}
HIDDEN = {
    "person": 20,
    "creature": 15,
    "star": 10,
    "mineral": 10,
    "event": 10,
    "ruin": 10,
    "law": 10,
    "festival": 10,
    "steward": 10,
    "market": 10,
    "dish": 15,
    "guild": 10,
    "ship": 20,
}
N_PEOPLES, N_SEAS = 9, 6

# The Zipf-like law: a fact of rank r (from 0) is told in proportion to 1 / (r + ZIPF_OFFSET).
ZIPF_OFFSET = 60

VALUES = {
    "colour": "red green blue white black yellow grey brown purple pink",
    "habitat": "marsh reef cave forest beach meadow cliff river lagoon orchard heath garden",
    "creature_food": "moss snails seeds crabs roots berries ants leaves eels bark clover shrimps",
    "sign": "Anchor Ladle Ladder Spindle Bell Key Oar Crown Lantern Saddle Kettle Harp",
    "month": "Thaw Seed Bloom Shear Hay Sun Berry Reap Cask Mist Frost Candle",
    "mineral_use": "glass lamps paint coins salves mirrors tiles bells ink rings plaster",
    "material": "granite oak clay slate chalk brick flint timber marble cork",
    "gift": "bread shells ribbons apples candles flowers feathers nuts spoons scarves",
    "trade": "weaver potter cooper smith baker fisher scribe carpenter glazier tanner miller",
    "goods": "pottery cheese rope honey lace salt knives cider baskets soap wool drums",
    "emblem": "heron otter crab owl seal fox gull hare toad swan stag bee",
    "weekday": "Netday Loomday Millday Forgeday Songday Restday Tideday",
    "ingredient": "leeks mussels barley plums cod beans pumpkins oats ducks nettles pears",
    "taste": "sweet sour bitter salty smoky spicy mild sharp",
    "meaning": """
        window thunder bridge needle friend winter ladder hammer shadow basket morning bottle river
        feather button pillow garden whistle mountain candle blanket mirror kitchen butter chimney
        evening finger bucket summer pocket hunger brother sister letter island doctor pencil
        wedding dinner lesson harvest village market sailor anchor wagon valley pepper onion carrot
        spider turtle rabbit monkey donkey kitten puppy chicken goose pigeon lizard salmon oyster
        silver copper iron leather cotton silk paper marble sugar flour
        vinegar lemon cherry walnut ginger mustard saddle bridle kettle ladle oven cellar attic
        fence gate tunnel tower castle temple school theatre prison hospital office stable barn
        anger courage sorrow laughter silence memory promise secret danger victory
        music dance story riddle dream journey voyage storm rain snow cloud rainbow star
        moon dawn dusk noon night autumn spring
    """,
}
PHRASES = {
    "forbidden": [
        "night fishing",
        "loud singing",
        "stone throwing",
        "dice games",
        "egg stealing",
        "tree felling",
        "horse racing",
        "door painting",
        "beach fires",
        "rain dancing",
        "false weights",
        "net cutting",
    ],
    "penalty": [
        "a fine of six coins",
        "a week of sweeping",
        "a night in the tower",
        "the loss of a boat",
        "a month of silence",
        "a day in the stocks",
        "a year away from home",
        "a public apology",
    ],
    "price": [
        f"{n} coins"
        for n in ("two", "three", "four", "five", "six", "eight", "nine", "ten", "twelve")
    ],
}
EVENT_NOUNS = ("Flood", "Treaty", "Strike", "Great Fire", "Battle")
FIRST_YEAR, LAST_YEAR = 200, 899


@dataclasses.dataclass(frozen=True)
class Relation:
    """What can hold of the things of a kind, with the wordings that state it and ask for it."""

    kind: str
    name: str
    domain: str
    subject: str
    says: tuple
    asks: tuple
    tests: tuple


@dataclasses.dataclass(frozen=True)
class Fact:
    """One value of one thing; hidden facts are told in evidence only."""

    relation: Relation
    thing: str
    value: str
    hidden: bool = False

    def word(self, template):
        """A wording of the relation about this fact."""
        text = template.replace("{s}", self.thing).replace("{v}", self.value)
        return text[0].upper() + text[1:]


def read_relations(path=None):
    """The relations of wordings.txt, in its order."""
    path = path or pathlib.Path(__file__).parent / "wordings.txt"
    relations = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if not lines:
            continue
        role, domain, subject = lines[0].split()
        kind, name = role.split(".")
        wordings = {"say": [], "ask": [], "test": []}
        for line in lines[1:]:
            use, template = line.split(": ", 1)
            wordings[use].append(template)
        relations.append(Relation(kind, name, domain, subject, *map(tuple, wordings.values())))
    return relations


class World:
    """Everything that is the case, drawn from a seed; scale multiplies the numbers of things."""

    def __init__(self, seed=1, scale=1.0):
        self.seed = seed
        self.relations = read_relations()
        self.domains = {name: text.split() for name, text in VALUES.items()} | PHRASES
        self.domains["year"] = [str(year) for year in range(FIRST_YEAR, LAST_YEAR + 1)]
        taken = {word.lower() for values in self.domains.values() for word in values}
        self.things, self.hidden = {}, {}
        rng = self.rng("names")
        for kind, n_known in KNOWN.items():
            n_known, n_hidden = round(n_known * scale), round(HIDDEN.get(kind, 0) * scale)
            names = self._names(rng, kind, n_known + n_hidden, taken)
            self.things[kind], self.hidden[kind] = names[:n_known], names[n_known:]
        self.domains["people"] = make_names(rng, "people", N_PEOPLES, taken)
        self.domains["sea"] = [f"the {name} Sea" for name in make_names(rng, "sea", N_SEAS, taken)]
        for kind in ("island", "town", "person"):
            self.domains[kind] = self.things[kind]
        self.taken = taken
        self.facts = self._draw_facts(self.things, False)
        self.hidden_facts = self._draw_facts(self.hidden, True)
        self._rank_facts()
        self.value_of = {(f.relation.kind, f.relation.name, f.thing): f.value for f in self.facts}

    def rng(self, *names):
        """The source of random choices for one purpose."""
        return Rng("/".join(["world", str(self.seed), *map(str, names)]))

    def _names(self, rng, kind, n, taken):
        if kind == "person":
            return make_people(rng, n, taken)
        names = make_names(rng, kind, n, taken)
        if kind == "event":
            return [
                f"{EVENT_NOUNS[i % len(EVENT_NOUNS)]} of {name}" for i, name in enumerate(names)
            ]
        return names

    def _draw_facts(self, things, hidden):
        facts = []
        for relation in self.relations:
            rng = self.rng("facts", relation.kind, relation.name, hidden)
            domain, names = self.domains[relation.domain], things[relation.kind]
            values = []
            while len(values) < len(names):  # each value equally often, as far as that goes
                values += rng.mixed(domain)
            facts += [Fact(relation, s, v, hidden) for s, v in zip(names, values)]
        return facts

    def _rank_facts(self):
        ranked = self.rng("ranks").mixed(range(len(self.facts)))
        self.weight_of = {self.facts[i]: 1 / (r + ZIPF_OFFSET) for r, i in enumerate(ranked)}
        self.told = Weighted(self.facts, [self.weight_of[fact] for fact in self.facts])

    def told_of(self, subject):
        """The facts of a subject, to be drawn as often as they are told; None if it has none."""
        facts = [fact for fact in self.facts if fact.relation.subject == subject]
        return Weighted(facts, [self.weight_of[fact] for fact in facts]) if facts else None

    def other_values(self, rng, fact, n=3):
        """n wrong values of the kind of the right one; years are near it, on either side."""
        if fact.relation.domain != "year":
            return rng.other(self.domains[fact.relation.domain], n, fact.value)
        year, n_before = int(fact.value), rng.between(0, n)
        before = sorted(rng.some(range(1, 25), n_before))
        after = sorted(rng.some(range(1, 25), n - n_before))
        return [str(year - gap) for gap in before] + [str(year + gap) for gap in after]
