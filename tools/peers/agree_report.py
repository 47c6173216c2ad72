"""Joins the answers of both programs item by item and choice by choice, and writes what differs.

Knows neither program: an answer is a map of numbers, as agree_harness.py and agree_phibench.py make
it. What differs by more than LIMIT, or in its answer, is listed with the reason that its own
numbers give; without one it is not explained, and that is an error.
"""

import dataclasses
import math

LIMIT = 1e-3
TOKEN_LIMIT = 1e-4  # of float32 arithmetic in another order, per token of a choice


@dataclasses.dataclass(frozen=True)
class Item:
    """One question as both programs answered it."""

    ours: dict
    theirs: dict

    @property
    def differences(self):
        """|difference| of the log-likelihood of each choice."""
        return [abs(a - b) for a, b in zip(self.ours["logprobs"], self.theirs["logprobs"])]

    @property
    def answers(self):
        """Which choice is best by each program; of a single one whether it is the greedy one."""
        if len(self.ours["logprobs"]) == 1:
            return self.ours["greedy"][0], self.theirs["greedy"][0]
        theirs = self.theirs["logprobs"]
        return self.ours["predicted"], chr(ord("A") + theirs.index(max(theirs)))

    @property
    def other_verdicts(self):
        """The metrics by which one program calls it right and the other wrong."""
        return [name for name, score in self.theirs["scores"].items()
                if abs(self.ours["scores"][name] - score) > LIMIT]

    @property
    def is_same(self):
        return (max(self.differences) <= LIMIT and self.answers[0] == self.answers[1]
                and not self.other_verdicts)

    def gap(self, metric):
        """How far the two best choices are apart by a metric, and how much of it rounding can be."""
        norm = metric == "acc_norm"
        lengths = self.ours["characters"] if norm else [1] * len(self.differences)
        ranked = sorted(((logprob / length, difference / length) for logprob, difference, length
                         in zip(self.theirs["logprobs"], self.differences, lengths)), reverse=True)
        return ranked[0][0] - ranked[1][0], ranked[0][1] + ranked[1][1]

    def reason(self):
        """Why it differs; None if its numbers do not say."""
        if self.ours["spanned"]:
            return "a token spans prompt and choice: the programs cut it in different places"
        most = max(d / n for d, n in zip(self.differences, self.ours["tokens"]))
        metrics = set(self.other_verdicts)
        if self.answers[0] != self.answers[1]:
            metrics.add("acc")
        if most > TOKEN_LIMIT or metrics and len(self.differences) == 1:
            return None
        gaps = [self.gap(metric) for metric in sorted(metrics)]
        if any(gap > rounding for gap, rounding in gaps):
            return None
        if gaps:
            return f"rounding, where the two best choices are {gaps[0][0]:.1e} apart"
        return f"rounding, {most:.1e} a token"


def join_answers(ours, theirs):
    """Pairs of answers of one set of questions: ours in order, theirs by subset."""
    by_subset = {}
    for answer in ours:
        by_subset.setdefault(answer["subset"], []).append(answer)
    if {subset: len(answers) for subset, answers in theirs.items()} != {
            subset: len(answers) for subset, answers in by_subset.items()}:
        raise ValueError("the programs were asked different numbers of questions")
    return [(a, b) for subset, answers in theirs.items()
            for a, b in zip(by_subset[subset], answers)]


def join(ours, theirs):
    """The items of one set of questions: ours in order, theirs by subset."""
    items = [Item(a, b) for a, b in join_answers(ours, theirs)]
    if any(len(item.ours["logprobs"]) != len(item.theirs["logprobs"]) for item in items):
        raise ValueError("a question has another number of choices")
    return items


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def score_cells(items, scores):
    """acc and acc_norm (of a single continuation its perplexity), as each program reports them."""
    first = "mc2" if "mc2" in items[0].theirs["scores"] else "acc"
    second = "acc_norm" if "acc_norm" in items[0].theirs["scores"] else "ppl"
    theirs = {name: 100 * mean(item.theirs["scores"][name] for item in items)
              for name in items[0].theirs["scores"]}
    if len(items[0].theirs["logprobs"]) == 1:
        theirs["ppl"] = math.exp(-mean(item.theirs["logprobs"][0] for item in items))
    for name in (first, second):
        digits = ".6g" if name == "ppl" else ".2f"
        unit = f"{name} " if name in ("ppl", "mc2") else ""
        yield (f"{unit}{scores[name]:{digits}} / {theirs[name]:{digits}}" if name in theirs else "")


def table(joined, scores):
    """The Markdown table: a row for each set of questions."""
    yield ("| questions | items | choices | prompts cut | largest difference | mean difference | "
           "over 1e-3 | other answer | acc | acc_norm |")
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for name, items in joined.items():
        differences = [d for item in items for d in item.differences]
        counts = (len(items), len(differences), sum(item.ours["cut"] > 0 for item in items))
        cells = [name, *(f"{n:,}" for n in counts), f"{max(differences):.1e}",
                 f"{mean(differences):.1e}", str(sum(d > LIMIT for d in differences)),
                 str(sum(a != b for a, b in (item.answers for item in items))),
                 *score_cells(items, scores[name])]
        yield "| " + " | ".join(cells) + " |"


def list_items(joined):
    """A row for each item that differs."""
    rows = [(name, item) for name, items in joined.items() for item in items if not item.is_same]
    if not rows:
        yield "No item differs by more than 1e-3, in its answer or in a verdict."
        return
    yield "| item | answers | verdicts that differ | largest difference | tokens | why |"
    yield "|---|---|---|---|---|---|"
    for name, item in rows:
        most = max(item.differences)
        n_tokens = item.ours["tokens"][item.differences.index(most)]
        yield (f"| {name} {item.ours['key']} | {item.answers[0]} / {item.answers[1]} | "
               f"{', '.join(item.other_verdicts)} | {most:.1e} | {n_tokens} | "
               f"{item.reason() or '**not explained**'} |")


def unexplained(joined):
    return [item for items in joined.values() for item in items
            if not item.is_same and not item.reason()]


def put_into(document, part, lines):
    """Replaces what stands between the marks of a part of a Markdown file."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    text = document.read_text(encoding="utf-8")
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    body = "\n".join([begin, "", *lines, "", end])
    document.write_text(before + body + after, encoding="utf-8")
