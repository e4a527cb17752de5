"""Whether two rules differ: tests, equivalence, and how many seeds a decision takes. Samples hold one value per run.

At five runs a side and a nominal 5 % the permutation test errs in 4.5 to 4.9 % and Yuen's in 3.3 to 3.9 %; percentile
bootstrap intervals of a difference in 13 %, intervals of the probability of improvement in 10, and "the bars of one
standard error do not overlap" in 25: these are no decision rules here (`calibration.py` measures it on real runs).
"""

import warnings
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.inference import LEVEL, NAN, TRIM, Interval, iqm, trimmed_from_each_end, trimmed_means

Array = NDArray[np.float64]
ERROR = 1 - LEVEL  # of a family of tests
POWER = 0.8
MOST_SEEDS = 1_000  # beyond which no number is told
DRAWS = 199_999  # exact with ten runs a side; no p-value is below 2 / (draws + 1), times the size of the family


def permutation_p(a: Array, b: Array, draws: int = DRAWS) -> float:
    """Two-sided p-value of the difference of means under exchange of labels; exact up to `draws` permutations.

    Twice the smaller tail, as `scipy.stats.permutation_test` has it, which takes a hundred times as long: a report
    makes hundreds of these tests, and sizes repeat, so the assignments of a size are made once.
    """
    pooled = np.concatenate([a, b])
    if np.ptp(pooled) == 0:
        return 1.0
    pooled = pooled - pooled.mean()
    first, exact = _assignments(len(a), len(b), draws)
    sums, found = first @ pooled, pooled[: len(a)].sum()
    close = 1e-12 * np.abs(pooled).sum()  # two assignments whose sums differ by rounding only are tied
    tails = np.array([(sums >= found - close).sum(), (sums <= found + close).sum()])
    p = tails / len(first) if exact else (tails + 1) / (len(first) + 1)
    return float(min(1.0, 2 * p.min()))


@lru_cache(maxsize=4)
def _assignments(n: int, m: int, draws: int) -> tuple[Array, bool]:
    """Rows of n ones among n + m, every one of them or `draws` at random, and whether they are all."""
    exact = comb(n + m, n) <= draws
    if exact:
        chosen = np.array(list(combinations(range(n + m), n)))
    else:
        chosen = np.random.default_rng(0).permuted(np.tile(np.arange(n + m), (draws, 1)), axis=1)[:, :n]
    ones = np.zeros((len(chosen), n + m))
    np.put_along_axis(ones, chosen, 1.0, axis=1)
    return ones, exact


def yuen_p(a: Array, b: Array) -> float:
    """Two-sided p-value of the difference of IQMs (Yuen 1974); Welch's below four runs.

    Where the middle halves of both samples have no spread, the test is not defined: `permutation_p` then.
    """
    if not _standard_errors(a, b).any():
        return permutation_p(a, b)
    return _yuen(a, b)


def yuen_difference(a: Array, b: Array, level: float = LEVEL) -> Interval:
    """IQM of a less that of b, with Yuen's interval; nan bounds with fewer than two runs."""
    estimate = iqm(a) - iqm(b)
    if min(len(a), len(b)) < 2 or not np.isfinite(estimate):
        return Interval(estimate, NAN, NAN)
    errors = _standard_errors(a, b)
    if not errors.any():
        return Interval(estimate, estimate, estimate)
    half = float(stats.t.ppf((1 + level) / 2, _df(a, b))) * float(np.hypot(*errors))
    return Interval(estimate, estimate - half, estimate + half)


def equivalent(a: Array, b: Array, smallest_effect: float | None, error: float = ERROR) -> bool:
    """Whether both one-sided Yuen tests put the difference inside +-smallest_effect (TOST, Schuirmann 1987)."""
    if smallest_effect is None or min(len(a), len(b)) < 4:
        return False
    if not _standard_errors(a, b).any():
        return abs(iqm(a) - iqm(b)) < smallest_effect
    below, above = _yuen(a - smallest_effect, b, "less"), _yuen(a + smallest_effect, b, "greater")
    return max(below, above) <= error


def _yuen(a: Array, b: Array, alternative: str = "two-sided") -> float:
    """scipy's p-value, without its warning that a sample's middle half has no spread: the other's has."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        return float(stats.ttest_ind(a, b, alternative=alternative, equal_var=False, trim=TRIM).pvalue)


def holm(p: Array) -> Array:
    """p-values [n] of a family, adjusted so that the whole family errs at the level they are compared with (Holm 1979).

    Not statsmodels' `multipletests`, which collects garbage on every call: 75 ms, and calibration makes thousands.
    """
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted


def detectable(a: Array, b: Array, error: float = ERROR, power: float = POWER) -> float:
    """The smallest difference of IQMs that these numbers of runs, with this spread, would find with that power."""
    if min(len(a), len(b)) < 2:
        return NAN
    errors = _standard_errors(a, b)
    return float(_quantiles(_df(a, b), error, power) * np.hypot(*errors)) if errors.any() else 0.0


def seeds_needed(a: Array, b: Array, effect: float, error: float = ERROR, power: float = POWER) -> float:
    """Runs a side with which a difference of `effect` would be found with that power, were the spread to stay so.

    inf beyond MOST_SEEDS, and for no effect at all.
    """
    if min(len(a), len(b)) < 2:
        return NAN
    spread = np.hypot(*(_standard_errors(a, b) * np.sqrt([len(a), len(b)])))
    enough = _reach(error, power) * spread <= abs(effect)
    return float(2 + enough.argmax()) if enough.any() else float("inf")


@lru_cache(maxsize=8)
def _reach(error: float, power: float) -> Array:
    """For 2 to MOST_SEEDS runs a side: the effect that is found with that power, in spreads of one run."""
    n = np.arange(2, MOST_SEEDS + 1)
    df = 2 * (n - 2 * np.array([trimmed_from_each_end(int(size)) for size in n]) - 1)
    return np.asarray(_quantiles(df, error, power) / np.sqrt(n))


def _quantiles(df: Array | float, error: float, power: float) -> Array:
    """Standard errors between no effect and one that is found with that power."""
    return np.asarray(stats.t.ppf(1 - error / 2, df) + stats.t.ppf(power, df))


def _standard_errors(a: Array, b: Array) -> Array:
    """Yuen's of both IQMs [2]."""
    return np.array([float(trimmed_means(values[:, None])[1][0]) for values in (a, b)])


def _df(a: Array, b: Array) -> float:
    """Welch's and Satterthwaite's degrees of freedom of the difference."""
    squares = _standard_errors(a, b) ** 2
    each = np.array([trimmed_means(values[:, None])[2] for values in (a, b)])
    return float(squares.sum() ** 2 / (squares**2 / each).sum())
