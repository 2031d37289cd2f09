#!/usr/bin/env python3
"""golden_stats.py - what scipy and statsmodels say about made-up cases, extremes included.

    python3 tools/golden_stats.py > tests/golden/stats.tsv

One line a case: function, name, inputs, expected values, tolerance (absolute). tests/unit/test_stats.c
reads it. The paired Newcombe interval and the smallest detectable difference are in neither library:
they are computed here from the published formulas, on top of the libraries' Wilson interval, normal
quantile and root finder.
"""
import itertools
import warnings

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

warnings.simplefilter("ignore")
EXACT = 1e-9


def row(function, name, inputs, expected, tol=EXACT):
    def text(values):
        return " ".join(repr(float(v)) if float(v) != int(v) else str(int(v)) for v in values)

    print("\t".join([function, name, text(inputs), text(expected), repr(float(tol))]))


def wilson(k, n):
    return proportion_confint(k, n, method="wilson")


def newcombe_paired(a, b, c, d):
    """Newcombe, Statistics in Medicine 17 (1998) 2635-2650, method 10."""
    n = a + b + c + d
    p1, p2 = (a + b) / n, (a + c) / n
    (l1, u1), (l2, u2) = wilson(a + b, n), wilson(a + c, n)
    margins = np.array([a + b, c + d, a + c, b + d], float)
    phi = 0.0
    if margins.all():
        det = a * d - b * c
        if det > 0:
            det = max(det - n / 2, 0)
        phi = det / np.sqrt(margins.prod())
    low = np.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    high = np.sqrt((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
    return max((b - c) / n - low, -1), min((b - c) / n + high, 1)


def sign_flip_exact(sums):
    """Two-sided p by scipy's exact permutation of signs."""
    if len(sums) == 1:  # scipy wants two observations; both signs give the same |sum|
        return 1.0
    return stats.permutation_test(
        (np.array(sums, float),), np.sum, permutation_type="samples", n_resamples=np.inf
    ).pvalue


def sign_flip_dp(sums):
    """Exact two-sided p for whole numbers, by convolution: the law of sum(+-x)."""
    law = {0: 1.0}
    for x in sums:
        new = {}
        for total, p in law.items():
            for s in (total + x, total - x):
                new[s] = new.get(s, 0) + p / 2
        law = new
    seen = abs(sum(sums))
    return min(1.0, sum(p for total, p in law.items() if abs(total) >= seen))


def bootstrap(sums, sizes):
    """Mean of 5 percentile intervals by scipy, 40,000 resamples each: its own noise is then small."""
    ends = []
    for seed in range(5):
        r = stats.bootstrap(
            (np.array(sums, float), np.array(sizes, float)),
            lambda s, n, axis: s.sum(axis=axis) / n.sum(axis=axis),
            paired=True, vectorized=True, n_resamples=40000, method="percentile",
            random_state=np.random.default_rng(seed))
        ends.append(r.confidence_interval)
    return np.mean(np.array(ends), axis=0)


def cluster_se(clusters):
    """statsmodels: intercept-only regression, standard error clustered (G/(G-1) correction)."""
    y = np.concatenate([np.array(c, float) for c in clusters])
    groups = np.concatenate([[i] * len(c) for i, c in enumerate(clusters)])
    fit = sm.OLS(y, np.ones_like(y)).fit(cov_type="cluster", cov_kwds={"groups": groups})
    return fit.bse[0]


def detectable(n, psi, alpha):
    """Connor, Biometrics 43 (1987) 207-211, solved for the difference."""
    za, zp = stats.norm.ppf(1 - alpha / 2), stats.norm.ppf(0.8)

    def gap(d):
        p = max(psi, d)
        return (za * np.sqrt(p) + zp * np.sqrt(p - d * d)) ** 2 / (d * d) - n

    return optimize.brentq(gap, 1e-9, 1.0, xtol=1e-14) if gap(1.0) <= 0 else 1.0


def main():
    print(f"# made by tools/golden_stats.py with scipy {scipy.__version__}, "
          f"statsmodels {statsmodels.__version__}")
    print("# function\tcase\tinputs\texpected\ttolerance")
    for k, n in [(0, 1), (1, 1), (0, 10), (10, 10), (5, 10), (81, 263), (300, 300), (17.5, 40),
                 (1, 1319), (659.25, 1319)]:
        row("wilson", f"{k} of {n}", [k, n], wilson(k, n))
    for b, c in [(0, 0), (0, 6), (5, 0), (10, 10), (102, 8), (3, 4), (1000, 1100), (1, 2000)]:
        row("mcnemar", f"{b} against {c}", [b, c], [mcnemar([[7, b], [c, 9]], exact=True).pvalue])
    for t in [(0, 0, 0, 10), (10, 0, 0, 0), (1, 1, 7, 12), (43, 102, 8, 147), (0, 10, 0, 0),
              (20, 2, 9, 5), (0, 7, 5, 0)]:
        row("newcombe_paired", "both %d, first %d, second %d, neither %d" % t, t,
            newcombe_paired(*t))
    for t in [(56, 70, 48, 80), (9, 10, 3, 10), (0, 20, 0, 10), (10, 10, 0, 10), (5, 56, 0, 29),
              (33, 50, 0, 150)]:
        row("newcombe_unpaired", "%d of %d against %d of %d" % t, t,
            confint_proportions_2indep(*t, method="newcomb", compare="diff"))

    rng = np.random.default_rng(7)
    small = {"one cluster": [3], "one cluster of zero": [0], "two clusters": [1, 2],
             "all concordant": [0] * 8, "six to one side": [1, 1, 1, 1, 1, 1],
             "twelve mixed": [2, -1, 0, 1, 3, -2, 1, 1, 0, 2, -1, 1],
             "thirds": [1 / 3, 1 / 3, -2 / 3, 1, 1 / 3, 2 / 3, 0, 1],
             "fifteen real": list(np.round(rng.normal(0.4, 1, 15), 6))}
    for name, sums in small.items():
        row("sign_flip", name, sums, [sign_flip_exact(sums)])
    for name, sums in {"60 clusters, small difference": list(rng.integers(-2, 4, 60)),
                       "100 clusters, no difference": list(rng.integers(-2, 3, 100)),
                       "70 clusters, clear": list(rng.integers(-1, 3, 70))}.items():
        p = sign_flip_dp([int(s) for s in sums])
        row("sign_flip", name, sums, [p], 5 * np.sqrt(p * (1 - p) / 1e5) + 2e-5)

    for name, n, size, p in [("30 triplets", 30, 3, 0.4), ("100 triplets", 100, 3, 0.8),
                             ("25 uneven", 25, 0, 0.5)]:
        sizes = [size or 1 + i % 4 for i in range(n)]
        sums = [rng.binomial(s, p) for s in sizes]
        row("bootstrap", name, list(itertools.chain(*zip(sums, sizes))), bootstrap(sums, sizes),
            0.006)
    for name, clusters in {"triplets": [[1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 0]],
                           "uneven": [[1], [0, 0], [1, 1, 1, 0], [0.5, 0.25], [1]],
                           "no spread": [[1, 1], [1, 1], [1]]}.items():
        row("cluster_se", name, itertools.chain(*[(sum(c), len(c)) for c in clusters]),
            [cluster_se(clusters)])
    for name, p in {"one": [0.03], "four": [0.01, 0.04, 0.03, 0.005], "ties": [0.02, 0.02, 0.02],
                    "capped": [0.9, 0.8, 1.0, 0.0001, 0.5]}.items():
        row("holm", name, p, multipletests(p, method="holm")[1])
    for name, t in {"XSTest-like": [[250, 8, 3], [12, 20, 9], [2, 6, 140]],
                    "perfect": [[10, 0], [0, 10]], "worse than chance": [[1, 9], [8, 2]],
                    "one class never used": [[30, 0, 2], [5, 0, 1], [4, 0, 20]],
                    "independent": [[40, 10], [40, 10]]}.items():
        r = cohens_kappa(np.array(t))
        row("kappa", name, itertools.chain(*t),
            [r.kappa, max(r.kappa_low, -1), min(r.kappa_upp, 1)], 1e-8 if r.kappa == 1 else EXACT)
    for p in [1e-12, 0.025, 0.5, 0.8, 0.9999]:
        row("normal_quantile", f"{p}", [p], [stats.norm.ppf(p)])
    for n, psi, alpha in [(311, 0.10, 0.05), (115, 0.15, 0.05), (300, 0.37, 0.025), (300, 0, 0.05),
                          (5, 0.2, 0.05)]:
        row("detectable", f"{n} pairs, discordance {psi}, level {alpha}", [n, psi, alpha],
            [detectable(n, psi, alpha)])


if __name__ == "__main__":
    main()
