"""Joins the texts that both programs wrote item by item, and writes what differs.

Knows neither program: an answer is a map of the text, of what was read in it, of the prompt's number
of tokens and of scores, as agree_harness.py and agree_phibench.py make it.
"""

import dataclasses
import re
import string

from agree_report import join_answers, mean

KEPT_BYTES = 250  # of what phibench reads it keeps 255, of which the last may be half a character
PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclasses.dataclass(frozen=True)
class Item:
    """One question as both programs answered it."""

    ours: dict
    theirs: dict

    @property
    def has_same_prompt(self):
        return self.ours["prompt_tokens"] == self.theirs["prompt_tokens"]

    @property
    def has_same_text(self):
        """The harness decodes an answer by itself, and so without the space that begins it."""
        return self.ours["text"].removeprefix(" ") == self.theirs["text"].removeprefix(" ")

    @property
    def has_same_reading(self):
        """What was read, as both compare it: without punctuation, case and outer white space."""
        mine, other = self.ours["predicted"], self.theirs["read"]
        other = "" if other == "[invalid]" else simple(other)
        if len(mine.encode()) > KEPT_BYTES:
            return other.startswith(simple(mine))
        return simple(mine) == other

    @property
    def other_verdicts(self):
        """The metrics by which one program calls it right and the other wrong."""
        return [name for name, score in self.theirs["scores"].items()
                if self.ours["scores"][name] != score]

    @property
    def is_same(self):
        return (self.has_same_prompt and self.has_same_text and self.has_same_reading
                and not self.other_verdicts)


def simple(text):
    return re.sub(r"\s+", " ", text.translate(PUNCTUATION)).strip().lower()


def join(ours, theirs):
    """The items of one set of questions: ours in order, theirs by subset."""
    return [Item(a, b) for a, b in join_answers(ours, theirs)]


def table(joined, scores):
    """The Markdown table: a row for each set of questions."""
    yield ("| questions | items | prompts cut | same prompt tokens | same text | same reading | "
           "other verdict | scores |")
    yield "|---|---|---|---|---|---|---|---|"
    for name, items in joined.items():
        counts = (len(items), sum(item.ours["cut"] > 0 for item in items),
                  sum(item.has_same_prompt for item in items),
                  sum(item.has_same_text for item in items),
                  sum(item.has_same_reading for item in items),
                  sum(bool(item.other_verdicts) for item in items))
        both = [f"{metric} {scores[name][metric]:.2f} / "
                f"{100 * mean(item.theirs['scores'][metric] for item in items):.2f}"
                for metric in items[0].theirs["scores"]]
        yield f"| {name} | " + " | ".join(f"{n:,}" for n in counts) + f" | {', '.join(both)} |"


def list_items(joined):
    """A row for each item that differs."""
    rows = [(name, item) for name, items in joined.items() for item in items if not item.is_same]
    if not rows:
        yield "No item differs in its prompt's tokens, its text, what was read in it, or a verdict."
        return
    yield "| item | what differs | phibench | harness |"
    yield "|---|---|---|---|"
    for name, item in rows:
        what = [what for what, same in (("prompt", item.has_same_prompt),
                                        ("text", item.has_same_text),
                                        ("reading", item.has_same_reading)) if not same]
        at = next((i for i, (a, b) in enumerate(zip(item.ours["text"], item.theirs["text"]))
                   if a != b), 0)
        mine, other = (repr(text[max(0, at - 10) : at + 30]).replace("|", "\\|")
                       for text in (item.ours["text"], item.theirs["text"]))
        yield (f"| {name} {item.ours['key']} | {', '.join([*what, *item.other_verdicts])} | "
               f"{mine} | {other} |")


def unexplained(joined):
    return [item for items in joined.values() for item in items if not item.is_same]
