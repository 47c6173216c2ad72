#!/usr/bin/env python3
"""Change points of made series as Apache Otava finds them, for tests/unit/test_change_points.c.

    change_points.py > tests/golden/change_points.json       (needs apache-otava and its numpy and scipy)
    change_points.py --compare LIBRARY N                      N random series beside stats_change_points of a shared library

When it takes a weak point out, the released library tests the two points behind it anew, and leaves the one before with
the numbers that it had (otava/analysis.py, merge); so it may keep a point with a p-value of 0.97. Points here are those
of the library with this one line repaired; "released" says whether it finds the same points as it is.
tests/golden/change_points.json was made with apache-otava 0.8.0, numpy 2.2.0, scipy 1.16.3 and the seed 16.
"""
import ctypes
import json
import sys
from importlib import metadata

import numpy
from otava.analysis import TTestSignificanceTester, compute_change_points, split

SEED = 16


def levels(rng, spread, *steps):
    """Normal values: (how many, around what) for each level."""
    return numpy.concatenate([rng.normal(mean, spread * mean, n) for n, mean in steps])


def outliers(rng, values, n, factor):
    values = values.copy()
    values[rng.choice(len(values), n, replace=False)] *= factor
    return values


def made_series(rng):
    flat = levels(rng, 0.01, (60, 100))
    return {
        "no change": flat,
        "one step down by 8%": levels(rng, 0.01, (20, 35), (15, 32.2)),
        "up and down again": levels(rng, 0.005, (30, 100), (25, 104), (30, 98)),
        "four levels, in several windows": levels(rng, 0.01, (70, 50), (40, 53), (90, 49), (30, 55)),
        "a step of half the noise": levels(rng, 0.02, (100, 100), (100, 101)),
        "a slow drift": numpy.linspace(100, 110, 80) + rng.normal(0, 1, 80),
        "outliers without a step": outliers(rng, flat, 5, 0.7),
        "outliers and a step": outliers(rng, levels(rng, 0.01, (40, 100), (40, 93)), 4, 0.8),
        "heavy tails": 100 + rng.standard_t(3, 120),
        "without noise": numpy.array([10.0] * 6 + [12.0] * 7 + [9.0] * 5),
        "all equal": numpy.full(12, 7.0),
        "seven values with a step": levels(rng, 0.002, (4, 10), (3, 11)),
        "four values": numpy.array([5.0, 5.1, 7.0, 7.1]),
        "three values": numpy.array([5.0, 7.0, 7.1]),
        "two values": numpy.array([5.0, 7.0]),
        "one value": numpy.array([5.0]),
        "bumps of three": levels(rng, 0.004, (20, 50), (3, 56), (20, 50), (3, 45), (20, 50)),
        "a step up from nothing": numpy.concatenate([numpy.zeros(10), levels(rng, 0.01, (10, 4))]),
    }


RULES = [(50, 0.001, 0.0), (30, 0.01, 0.0), (50, 0.001, 0.05)]


def repaired_change_points(values, window, max_p, min_change):
    """compute_change_points, but that both neighbours of a point that is taken out are tested anew."""
    tester = TTestSignificanceTester(max_p)
    points = split(values, window, max_p * 10)
    while points:
        intervals = tester.get_intervals(points)
        points = [tester.change_point(point.to_candidate(), values, intervals) for point in points]
        weakest = max(points, key=lambda point: point.stats.pvalue)
        if weakest.stats.pvalue < max_p:
            weakest = min(points, key=lambda point: point.stats.change_magnitude())
            if weakest.stats.change_magnitude() > min_change:
                break
        points.remove(weakest)
    return points


def points_of(values, window, max_p, min_change):
    """The points, and whether the library finds them as it is."""
    values = [float(value) for value in values]
    released, _ = compute_change_points(values, window_len=window, max_pvalue=max_p, min_magnitude=min_change)
    found = []
    for point in repaired_change_points(values, window, max_p, min_change):
        stats = point.stats
        found.append({"index": int(point.index), "before": float(stats.mean_1), "after": float(stats.mean_2),
                      "p": float(stats.pvalue),
                      "percent": float(stats.forward_change_percent()) if stats.mean_1 else None})
    return found, [point.index for point in released] == [point["index"] for point in found]


def write_fixture():
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("apache-otava", "numpy", "scipy"))
    cases = []
    for name, values in made_series(numpy.random.default_rng(SEED)).items():
        values = [round(float(value), 4) for value in values]
        for window, max_p, min_change in RULES:
            points, is_released = points_of(values, window, max_p, min_change)
            cases.append({"name": name, "window": window, "max_p": max_p, "min_change": min_change,
                          "released": is_released, "points": points, "values": values})
    print(json.dumps({"made_by": f"tools/golden/change_points.py, {versions}, seed {SEED}"})[:-1] + ', "cases": [')
    print(",\n".join(json.dumps(case) for case in cases))
    print("]}")


class Point(ctypes.Structure):
    _fields_ = [("index", ctypes.c_size_t)] + [(name, ctypes.c_double) for name in ("before", "after", "p", "percent")]


class Rules(ctypes.Structure):
    _fields_ = [("window", ctypes.c_size_t), ("max_p", ctypes.c_double), ("min_change", ctypes.c_double)]


def compare(library, n_series):
    find = ctypes.CDLL(library).stats_change_points
    find.restype = ctypes.c_size_t
    rng = numpy.random.default_rng(SEED)
    n_same = n_released = n_points = 0
    for _ in range(n_series):
        steps = [(int(rng.integers(3, 60)), rng.uniform(90, 110)) for _ in range(rng.integers(1, 6))]
        values = levels(rng, rng.uniform(0.002, 0.05), *steps)
        window, max_p, min_change = RULES[rng.integers(len(RULES))]
        wanted, is_released = points_of(values, window, max_p, min_change)
        array, points = (ctypes.c_double * len(values))(*values), (Point * len(values))()
        n = find(array, ctypes.c_size_t(len(values)), ctypes.byref(Rules(window, max_p, min_change)), points)
        same = [point.index for point in points[:n]] == [point["index"] for point in wanted]
        for point, other in zip(points[:n] if same else [], wanted):
            assert abs(point.p - other["p"]) <= 1e-9 * other["p"] + 1e-300, (point.p, other["p"])
            assert abs(point.percent - other["percent"]) <= 1e-9, (point.percent, other["percent"])
        n_same += same
        n_released += same and is_released
        n_points += len(wanted)
    print(f"{n_same} of {n_series} series have the same change points, {n_points} in all; "
          f"{n_released} of them also with the library as it is")


if len(sys.argv) == 4 and sys.argv[1] == "--compare":
    compare(sys.argv[2], int(sys.argv[3]))
elif len(sys.argv) == 1:
    write_fixture()
else:
    sys.exit(__doc__)
