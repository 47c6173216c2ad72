#!/usr/bin/env python3
"""The statistics of results/stats, computed apart from phibench's own code.

    statistics_oracle.py > tests/golden/statistics.jsonl

SciPy and statsmodels where they have the statistic; otherwise the definition in its plain form: all pairs, all signs,
exact integers, sums over probabilities in place of logarithms of gamma functions. The limits of rank intervals are
besides held against the p-values of scipy.stats.wilcoxon and mannwhitneyu on both sides of each limit. Versions and
seed stand in the first line of the output.
"""
import itertools
import json
import math
import sys

import numpy
import scipy
import scipy.integrate
import scipy.optimize
import scipy.stats
import statsmodels
import statsmodels.stats.power
import statsmodels.stats.proportion
import statsmodels.tsa.stattools

SEED = 16


def put(statistic, **case):
    def plain(value):
        if isinstance(value, (list, tuple, numpy.ndarray)):
            return [plain(v) for v in value]
        if isinstance(value, (float, numpy.floating)):
            return float(value) if math.isfinite(value) else None
        return int(value) if isinstance(value, (int, numpy.integer)) else value
    print(json.dumps({"statistic": statistic, **{key: plain(value) for key, value in case.items()}}))


# ---- distributions

def distributions():
    for p in [1e-300, 1e-100, 1e-20, 1e-9, 0.001, 0.025, 0.1, 0.2, 0.45, 0.5, 0.55, 0.8, 0.975, 0.999, 1 - 1e-9]:
        put("normal_quantile", p=p, z=scipy.stats.norm.ppf(p))
    for z in [-37, -20, -8, -3.5, -1.959963984540054, -1, -0.1, 0, 0.1, 1, 2.5, 6, 9]:
        put("normal_below", z=z, p=scipy.stats.norm.cdf(z))
    for n in [1, 2, 3, 7, 56, 199, 200, 201, 800, 14041]:
        put("student", n_free=n, quantile=scipy.stats.t.ppf(0.975, n))


# ---- rates

def newcombe(both, only_a, only_b, neither):
    """Wilson's limits by statsmodels, the correlation by numpy of the answers themselves."""
    n = both + only_a + only_b + neither
    a = numpy.repeat([1, 1, 0, 0], [both, only_a, only_b, neither])
    b = numpy.repeat([1, 0, 1, 0], [both, only_a, only_b, neither])
    wilson = statsmodels.stats.proportion.proportion_confint
    (low_a, high_a), (low_b, high_b) = (wilson(x.sum(), n, method="wilson") for x in (a, b))
    if 0 in (a.std(), b.std()):
        phi = 0.0
    else:
        phi = numpy.corrcoef(a, b)[0, 1]
        excess = both * neither - only_a * only_b
        if excess > 0:
            phi *= max(0, 1 - n / 2 / excess)
    down_b, up_b, down_a, up_a = b.mean() - low_b, high_b - b.mean(), a.mean() - low_a, high_a - a.mean()
    below = math.sqrt(max(0, down_b ** 2 - 2 * phi * down_b * up_a + up_a ** 2))
    above = math.sqrt(max(0, up_b ** 2 - 2 * phi * up_b * down_a + down_a ** 2))
    mean = b.mean() - a.mean()
    put("newcombe", counts=[both, only_a, only_b, neither], mean=mean, error=(b - a).std() / math.sqrt(n),
        low=mean - below, high=mean + above)


def paired(only_a, only_b, n):
    """Differences of the items and of half an item more of each kind, as weights of -1, 1 and 0."""
    values, weights = numpy.array([-1, 1, 0]), numpy.array([only_a + 0.5, only_b + 0.5, n - only_a - only_b + 1])
    mean = numpy.average(values, weights=weights)
    half = scipy.stats.norm.ppf(0.975) * math.sqrt(numpy.average((values - mean) ** 2, weights=weights) / (n + 2))
    put("paired", counts=[only_a, only_b, n], low=max(-1, mean - half), high=min(1, mean + half))


def rates():
    for counts in [(0, 0, 1), (0, 1, 1), (20, 2, 100), (0, 0, 500), (4, 1, 10), (320, 280, 14042)]:
        paired(*counts)
    for counts in [(1, 7, 1, 12), (36, 2, 12, 0), (20, 12, 2, 16), (0, 10, 0, 0), (0, 0, 0, 30), (53, 0, 1, 0),
                   (30, 0, 0, 20), (5, 20, 25, 5), (15, 3, 5, 2), (400, 40, 60, 500), (9000, 320, 280, 4442)]:
        newcombe(*counts)


# ---- permutation

def pooled(suites, cluster_of=None):
    """The statistic of every way to flip the signs of items, or of whole clusters."""
    sums = []
    for i, suite in enumerate(suites):
        groups = cluster_of[i] if cluster_of else range(len(suite))
        total = {}
        for group, value in zip(groups, suite):
            total[group] = total.get(group, 0) + value
        sums.append(numpy.array(list(total.values())))
    moved = numpy.concatenate(sums)
    units = numpy.concatenate([numpy.full(len(s), max(math.sqrt((s ** 2).sum()), 1e-300)) for s in sums])
    terms = (moved / units)[moved != 0]
    signs = numpy.array(list(itertools.product([1, -1], repeat=len(terms))))
    flipped = abs(signs @ terms)
    return (flipped >= abs(terms.sum()) - 1e-9).mean()


def permutation(rng):
    one = [0.5, -0.25, 0, 1, 0.75, 0, -0.1, 0.3, 0.6]
    p = scipy.stats.permutation_test((numpy.array(one), numpy.zeros(len(one))),
                                     lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples",
                                     n_resamples=numpy.inf, vectorized=True).pvalue
    assert abs(p - pooled([one])) < 1e-12
    put("permutation", suites=[one], p=p)
    signs = [1] * 9 + [-1] * 3 + [0] * 5
    p = scipy.stats.binomtest(3, 12, 0.5).pvalue
    assert abs(p - pooled([signs])) < 1e-12
    put("permutation", suites=[signs], p=p)
    several = [[1, -1, 1, 1, 0, 0, 1], [0, 0, 0], [0.2, 0.1, -0.05, 0.3], [1, 1, -1]]
    put("permutation", suites=several, p=pooled(several))
    clusters = [[0, 0, 1, 1, 2, 2, 2], [0, 1, 1], [3, 2, 1, 0], [0, 0, 0]]
    put("permutation", suites=several, clusters=clusters, p=pooled(several, clusters))
    many = [numpy.round(rng.normal(0.25, 1, 60), 3), numpy.round(rng.normal(0.1, 3, 40), 3)]
    terms = numpy.concatenate([s / math.sqrt((s ** 2).sum()) for s in many])
    flipped = rng.choice([1.0, -1.0], (400000, 100)) @ terms
    put("permutation_at_random", suites=many, p=(abs(flipped) >= abs(terms.sum())).mean())


# ---- ranks

def tail_of(counts, total):
    """How many of the lowest values of a statistic have at most 2.5% together."""
    seen = 0
    for i, count in enumerate(counts):
        seen += count
        if 40 * seen > total:
            return i
    raise AssertionError


def signed_rank_tail(n):
    counts = [1]
    for rank in range(1, n + 1):
        counts = [(counts[s] if s < len(counts) else 0) + (counts[s - rank] if 0 <= s - rank < len(counts) else 0)
                  for s in range(len(counts) + rank)]
    return tail_of(counts, 2 ** n)


def rank_sum_tail(n_a, n_b):
    """Ways to choose n_a of n_a + n_b ranks by their sum, in integers of any size."""
    counts = [[0] * (n_a * n_b + 1) for _ in range(n_a + 1)]
    counts[0][0] = 1
    for i in range(n_a + n_b):
        for k in range(min(i + 1, n_a), 0, -1):
            shift = i - (k - 1)
            for u in range(n_a * n_b, shift - 1, -1):
                counts[k][u] += counts[k - 1][u - shift]
    return tail_of(counts[n_a], math.comb(n_a + n_b, n_a))


def put_ranks(statistic, numbers, tail, case):
    numbers = numpy.sort(numbers)
    low, high = (numbers[tail - 1], numbers[len(numbers) - tail]) if tail else (math.nan, math.nan)
    put(statistic, **case, mean=numpy.median(numbers), low=low, high=high)
    return low, high


def ranks(rng):
    for values in [[3.5], [1, 2, 4, 8, 16], [1.5, -0.5, 2.25, 0.75, 3, 0.25], [2, 2, 2, 2, 2, 2, 2], [0, -1, 1, 0, -1, 1],
                   numpy.round(rng.normal(1, 2, 15), 3), numpy.round(rng.standard_t(2, 49), 3), rng.integers(-3, 5, 40)]:
        values = numpy.array(values, float)
        n = len(values)
        pairs = [(values[i] + values[j]) / 2 for i in range(n) for j in range(i, n)]
        low, high = put_ranks("hodges_lehmann", pairs, signed_rank_tail(n), {"values": values})
        if 6 <= n <= 50 and len(set(pairs)) == len(pairs):
            for limit, inside in ((low, 1e-9), (high, -1e-9)):
                assert scipy.stats.wilcoxon(values - (limit + inside), method="exact").pvalue > 0.05
                assert scipy.stats.wilcoxon(values - (limit - inside), method="exact").pvalue <= 0.05
    for sizes in [(1, 1), (3, 3), (4, 4), (5, 5), (3, 9), (8, 12), (25, 30)]:
        a, b = rng.normal(10, 1, sizes[0]), rng.normal(10.5, 2, sizes[1])
        differences = [y - x for x in a for y in b]
        low, high = put_ranks("shift", differences, rank_sum_tail(*sizes), {"a": a, "b": b})
        if not math.isnan(low):
            for limit, inside in ((low, 1e-9), (high, -1e-9)):
                assert scipy.stats.mannwhitneyu(a + limit + inside, b, method="exact").pvalue > 0.05
                assert scipy.stats.mannwhitneyu(a + limit - inside, b, method="exact").pvalue <= 0.05
    a, b = rng.integers(0, 9, 12).astype(float), rng.integers(2, 12, 10).astype(float)
    put_ranks("shift", [y - x for x in a for y in b], rank_sum_tail(12, 10), {"a": a, "b": b})
    for n in [6, 7, 10, 20, 50, 120, 300]:
        put("signed_rank_tail", n=n, tail=signed_rank_tail(n))
    for sizes in [(4, 4), (2, 30), (30, 2), (10, 40), (50, 50)]:
        put("rank_sum_tail", n_a=sizes[0], n_b=sizes[1], tail=rank_sum_tail(*sizes))


# ---- resampling

def expanded_tail(n, n_free):
    """What Student's quantile of n_free leaves out of a normal distribution that is too narrow by the root."""
    return scipy.stats.norm.cdf(scipy.stats.t.ppf(0.025, n_free) * math.sqrt(n / (n - 1)))


def bootstrap_mean(rng):
    values = numpy.array([10.1, 9.8, 10.4, 10.0, 9.9, 10.2, 10.3, 9.7, 10.05, 10.15])
    means = values[rng.integers(0, 10, (400000, 10))].mean(axis=1)
    tail = expanded_tail(10, 9)
    low, high = numpy.quantile(means, [tail, 1 - tail])
    put("bootstrap_mean", values=values, low=low, high=high)


def series(rng):
    values = [0.0]
    for noise in rng.normal(0, 1, 60):
        values.append(0.5 * values[-1] + noise)
    values = numpy.round(values[1:], 4)
    lag_1 = statsmodels.tsa.stattools.acf(values, nlags=1, fft=False)[1]
    put("autocorrelation", values=values, lag_1=lag_1)
    n, block, rounds = len(values), 4, 200000
    kept = (n * lag_1 + 1) / (n - 4)
    deviations = values - values.mean()
    innovations = deviations[1:] - kept * deviations[:-1]
    starts = rng.integers(0, n - 1, (rounds, -(-(n - 1) // block)))
    places = ((starts[:, :, None] + numpy.arange(block)) % (n - 1)).reshape(rounds, -1)[:, :n - 1]
    means = (innovations[places].mean(axis=1) - innovations.mean()) / (1 - kept)
    n_free = int(min(n, n * (1 - kept) / (1 + kept)) - 1)
    tail = expanded_tail(n / block, n_free)
    low, high = numpy.quantile(values.mean() + means, [tail, 1 - tail])
    put("bootstrap_blocks", values=values, block=block, low=low, high=high)


def quantiles(rng):
    """The clustered variance of the share below, by the double loop of its definition."""
    values = numpy.round(rng.normal(0, 1, 90) + numpy.repeat(rng.normal(0, 1, 9), 10), 3)
    cluster, n = numpy.repeat(numpy.arange(9), 10), 90
    for q in [0.5, 0.8, 0.99]:
        quantile = numpy.quantile(values, q)
        below = (values <= quantile) - (values <= quantile).mean()
        independent = (below ** 2).sum() / (n - 1) / n
        together = sum(below[i] * below[j] for i in range(n) for j in range(n) if cluster[i] == cluster[j])
        effect = max(1, 9 / 8 * together / n ** 2 / independent)
        half = scipy.stats.t.ppf(0.975, 8) * math.sqrt(n * q * (1 - q) * effect)
        ordered = numpy.sort(values)
        low, high = max(0, math.floor(n * q - half)), min(n - 1, math.ceil(n * q + half))
        put("clustered_quantile", values=values, cluster=cluster, n_clusters=9, q=q, mean=quantile,
            low=ordered[low], high=ordered[high])


# ---- sequential

def sequential_rate(k, n):
    """All rates whose mixture is less than 20 times as likely as they are."""
    def excess(p):
        prior = scipy.stats.betabinom(n, 60 * p, 60 * (1 - p))
        return prior.logpmf(k) - scipy.stats.binom(n, p).logpmf(k) - math.log(20)
    rate = min(max(k / n, 1e-12), 1 - 1e-12)
    low = scipy.optimize.brentq(excess, 1e-12, rate, xtol=1e-15) if k else 0
    high = scipy.optimize.brentq(excess, rate, 1 - 1e-12, xtol=1e-15) if k < n else 1
    put("sequential_rate", k=k, n=n, low=low, high=high)


def sequential_mean(scores):
    """Both capitals, step by step as in the paper, and the means at which they reach 40."""
    def capital(mean, up):
        mu, variance, wealth = 0.5, 0.25, 1.0
        squares = 0.25
        for t, x in enumerate(scores, 1):
            bet = math.sqrt(2 * math.log(2 / 0.05) / (variance * t * math.log(1 + t)))
            wealth *= 1 + min(bet, 0.5 / mean) * (x - mean) if up else 1 - min(bet, 0.5 / (1 - mean)) * (x - mean)
            mu = (0.5 + sum(scores[:t])) / (t + 1)
            squares += (x - mu) ** 2
            variance = squares / (t + 1)
        return math.log(wealth) - math.log(40)
    low, high = 1e-9, 1 - 1e-9
    low = scipy.optimize.brentq(capital, low, high, args=(True,), xtol=1e-14) if capital(low, True) > 0 else 0
    high = scipy.optimize.brentq(capital, 1e-9, high, args=(False,), xtol=1e-14) if capital(high, False) > 0 else 1
    put("sequential_mean", scores=scores, low=low, high=high)


def sequential(rng):
    for k, n in [(0, 1), (5, 5), (8, 8), (3, 20), (10, 20), (60, 100), (5, 400)]:
        mixture = scipy.integrate.quad(lambda p: (2 * p) ** k * (2 * (1 - p)) ** (n - k), 0, 1, epsabs=0, epsrel=1e-12,
                                       points=[k / n], limit=500)[0]
        put("sign_evalue", n_positive=k, n=n, evalue=mixture)
    for k, n in [(7, 10), (2, 50), (0, 50), (50, 50), (250, 500), (5713, 14042)]:
        sequential_rate(k, n)
    sequential_mean([0.5])
    sequential_mean([1.0, 0.25, 0.5, 1.0, 1.0, 0.75, 0.5, 1.0, 0.0, 1.0])
    sequential_mean(numpy.round(rng.beta(0.5, 0.3, 200), 3).tolist())


# ---- power

def power():
    for difference, error in [(0.5, 0.25), (1, 0.2), (0.02, 0.01), (3, 1.5)]:
        z = difference / error
        put("power", difference=difference, error=error, power=scipy.stats.norm.cdf(z - scipy.stats.norm.ppf(0.975)))
    for error, n, margin in [(0.012, 1000, 0.02), (0.5, 570, 0.5), (1.3, 14042, 1)]:
        size = statsmodels.stats.power.normal_sample_size_one_tail(margin, 0.8, 0.025, error * math.sqrt(n))
        put("items_needed", error=error, n=n, margin=margin, items=math.ceil(size))


def main():
    rng = numpy.random.default_rng(SEED)
    versions = {"python": sys.version.split()[0], "numpy": numpy.__version__, "scipy": scipy.__version__,
                "statsmodels": statsmodels.__version__}
    print(json.dumps({"made_by": "tools/golden/statistics_oracle.py", "seed": SEED, **versions}))
    distributions()
    rates()
    permutation(rng)
    ranks(rng)
    bootstrap_mean(rng)
    series(rng)
    quantiles(rng)
    sequential(rng)
    power()


main()
