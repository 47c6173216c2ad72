"""Random choices that are the same on every version of Python.

Only random.Random.random() is promised to give the same sequence for ever, so that everything else
is made from it. A generator is named by a text ("world/1/names"): parts that are drawn under
different names do not change each other.
"""

import itertools
import random


class Rng(random.Random):
    """A named source of random choices."""

    def below(self, n):
        """A whole number from 0 to n - 1."""
        return int(self.random() * n)

    def between(self, low, high):
        """A whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def pick(self, items):
        """One of the items of a sequence."""
        return items[self.below(len(items))]

    def mixed(self, items):
        """The items in random order, as a new list."""
        items = list(items)
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]
        return items

    def some(self, items, n):
        """n different items of a sequence, in random order."""
        items = list(items)
        for i in range(n):
            j = i + self.below(len(items) - i)
            items[i], items[j] = items[j], items[i]
        return items[:n]

    def other(self, items, n, *unwanted):
        """n different items, none of them among the unwanted."""
        return self.some([item for item in items if item not in unwanted], n)


class Weighted:
    """Draws items in proportion to their weights, by one table of sums."""

    def __init__(self, items, weights):
        self.items = list(items)
        self.sums = list(itertools.accumulate(weights))

    def pick(self, rng):
        """One of the items."""
        wanted = rng.random() * self.sums[-1]
        low, high = 0, len(self.sums) - 1
        while low < high:
            middle = (low + high) // 2
            if self.sums[middle] > wanted:
                high = middle
            else:
                low = middle + 1
        return self.items[low]
