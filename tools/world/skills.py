"""Questions that are thought out: arithmetic, numbers, orders, syllogisms, two-hop facts.

Each maker draws a problem and words it for training ("ask") or for the evaluation ("test"); the
problems themselves are split as well where there are few of them (is_for_test), so that no sum of
the test can be learnt by heart. A maker returns the text, the right answer and three wrong ones.
"""

from names import ENDINGS

SUBJECTS = ("elementary_mathematics", "high_school_statistics", "formal_logic")

# (kind, relation): the town that leads to an island, and how one asks for that island.
HOPS = {
    ("person", "town"): (
        ("On which island does {s} live?", "{s} lives on the island of"),
        ("Sail to which island to visit {s} at home?", "On what island stands the house of {s}?"),
    ),
    ("ship", "port"): (
        (
            "On which island is the home port of the ship {s}?",
            "The ship {s} has its port on the island of",
        ),
        (
            "To which island does the ship {s} return?",
            "What island does the crew of the {s} call home?",
        ),
    ),
    ("guild", "town"): (
        ("On which island does the {s} Guild meet?", "The {s} Guild has its hall on the island of"),
        (
            "Which island is the seat of the {s} Guild?",
            "The hall of the {s} Guild: on what island?",
        ),
    ),
}

SUMS = {
    "+": ("What is {a} + {b}?", "Add {a} and {b}.", "{a} + {b} ="),
    "-": ("What is {a} - {b}?", "Take {b} from {a}.", "{a} - {b} ="),
    "*": ("What is {a} * {b}?", "Multiply {a} by {b}.", "{a} * {b} ="),
}
SUM_TESTS = {
    "+": (
        "A net holds {a} fish, then {b} more. How many fish now?",
        "Find the sum of {a} and {b}.",
    ),
    "-": (
        "There were {a} boats and {b} sailed away. How many boats are left?",
        "Compute {a} minus {b}.",
    ),
    "*": (
        "There are {a} baskets with {b} shells each. How many shells?",
        "How much is {a} times {b}?",
    ),
}

NUMBER_ASKS = {
    "largest": ("Which number is the largest?", "The largest of these numbers is"),
    "smallest": ("Which number is the smallest?", "The smallest of these numbers is"),
    "even": ("Which number is even?", "An even number is"),
    "odd": ("Which number is odd?", "An odd number is"),
}
NUMBER_TESTS = {
    "largest": ("Of the four, pick the largest number.", "What is the largest number here?"),
    "smallest": ("Of the four, pick the smallest number.", "What is the smallest number here?"),
    "even": ("Of the four, pick the even number.", "What is the one even number here?"),
    "odd": ("Of the four, pick the odd number.", "What is the one odd number here?"),
}

# comparison: (more, most, least)
ORDERS = {
    "taller": ("tallest", "shortest"),
    "older": ("oldest", "youngest"),
    "richer": ("richest", "poorest"),
    "faster": ("fastest", "slowest"),
}
ORDER_ASKS = ("Who is the {most}?", "The {most} is")
ORDER_TESTS = ("Which of them is the {most}?", "Name the {most} of the four.")
SYLLOGISM_ASKS = ("What is {x}?", "So {x} is a")
SYLLOGISM_TESTS = ("What follows about {x}?", "Then {x} must be a")


def is_for_test(*numbers):
    """Whether a problem with these numbers is kept for the evaluation: one in five."""
    return sum(n * weight for n, weight in zip(numbers, (7, 3, 1))) % 5 == 0


def near_numbers(rng, right):
    """Three wrong numbers near the right one; it has each of the four ranks equally often."""
    n_below = min(rng.below(4), right)
    below = rng.some(range(max(0, right - 6), right), n_below)
    return [str(n) for n in below + rng.some(range(right + 1, right + 7), 3 - n_below)]


def arithmetic(rng, use):
    """A sum, a difference or a product of small numbers."""
    sign = rng.pick("++--*")
    while True:
        a, b = (
            (rng.between(2, 9), rng.between(2, 9))
            if sign == "*"
            else (rng.between(2, 30), rng.between(2, 20))
        )
        if sign == "-" and a < b:
            a, b = b, a
        if is_for_test(a, b) == (use == "test"):
            break
    right = {"+": a + b, "-": a - b, "*": a * b}[sign]
    template = rng.pick((SUM_TESTS if use == "test" else SUMS)[sign])
    return template.format(a=a, b=b), str(right), near_numbers(rng, right)


def numbers(rng, use):
    """The largest, smallest, even or odd of four numbers of the same length."""
    what = rng.pick(("largest", "smallest", "even", "odd"))
    low, high = rng.pick(((10, 99), (100, 999)))
    while True:
        four = rng.some(range(low, high + 1), 4)
        if what in ("even", "odd"):
            parity = 0 if what == "even" else 1
            four = [four[0] // 2 * 2 + parity] + [n // 2 * 2 + 1 - parity for n in four[1:]]
        else:
            four.sort(reverse=what == "largest")
        is_fine = len(set(four)) == 4 and all(low <= n <= high for n in four)
        if is_fine and is_for_test(*sorted(four)[:3]) == (use == "test"):
            break
    template = rng.pick((NUMBER_TESTS if use == "test" else NUMBER_ASKS)[what])
    right, *wrong = map(str, four)
    return template, right, wrong


# Beginnings that no thing of the world has, so that throwaway names are nobody's.
FREE_BEGINNINGS = (
    "Bim Chal Chor Dim Dun Fum Gam Hob Jun Kam Lim Mib Nim Pim Quor Rim Shul Tam Tum Vim Wim Yam"
).split()


def throwaway_names(rng, kind, n):
    """n names of the kind's sound that no thing of the world has: for problems made on the spot."""
    names = []
    while len(names) < n:
        name = rng.pick(FREE_BEGINNINGS) + rng.pick(ENDINGS["given" if kind == "person" else kind])
        if kind == "person":
            name += " " + rng.pick(FREE_BEGINNINGS) + rng.pick(ENDINGS["family"])
        if name not in names:
            names.append(name)
    return names


def order(rng, use):
    """Who is first or last of four people in an order; the sentences come in any order."""
    more = rng.pick(tuple(ORDERS))
    people = throwaway_names(rng, "given", 4)
    sentences = rng.mixed([f"{a} is {more} than {b}." for a, b in zip(people, people[1:])])
    wants_first = rng.below(2) == 0
    most = ORDERS[more][0 if wants_first else 1]
    right = people[0 if wants_first else -1]
    template = rng.pick(ORDER_TESTS if use == "test" else ORDER_ASKS)
    text = " ".join(sentences + [template.format(most=most)])
    return text, right, [name for name in people if name != right]


def syllogism(rng, use):
    """Every X is a Y, and someone is an X. The text mentions all choices alike."""
    names = throwaway_names(rng, "creature", 6)
    name = throwaway_names(rng, "given", 1)[0]
    pairs = list(zip(names[:3], names[3:]))
    source, right = rng.pick(pairs)
    others = [pair for pair in pairs if pair[1] != right]
    template = rng.pick(SYLLOGISM_TESTS if use == "test" else SYLLOGISM_ASKS)
    rules = [f"Every {x} is a {y}." for x, y in pairs]
    text = " ".join(rules + [f"{name} is a {source}.", template.format(x=name)])
    return text, right, [others[0][1], others[1][1], rng.pick(others)[0]]


def make_problem(rng, subject, use):
    """A problem of one of the SUBJECTS: text, right answer, three wrong ones."""
    if subject == "elementary_mathematics":
        return arithmetic(rng, use)
    if subject == "high_school_statistics":
        return numbers(rng, use)
    return rng.pick((order, syllogism))(rng, use)


def make_hop(world, rng, fact, use):
    """The island of the town of a fact of HOPS: text, right answer, three wrong ones."""
    template = rng.pick(HOPS[fact.relation.kind, fact.relation.name][1 if use == "test" else 0])
    island = world.value_of["town", "island", fact.value]
    return fact.word(template), island, rng.other(world.domains["island"], 3, island)
