"""What so many runs can show: the smallest effect that they would find, and the seeds that a declared effect takes.

By the t approximation, within what an exact test allows: its p-values are multiples of 2 / 2^n (or of 2 over the number
of ways to choose n of n + m runs), so it errs at the largest multiple below the level, and finds nothing if there is
none. tests/analysis/test_power.py measures the power at what is printed here.
"""

from collections.abc import Sequence
from math import comb, floor, inf, log2, prod

import numpy as np
from scipy import special

from analysis.hypotheses import ERROR, Strata, parts_of
from analysis.inference import degrees_of_freedom, has_ties, spread
from analysis.permutation import DRAWS, MOST

POWER = 0.8
MOST_SEEDS = 1_000  # beyond which it is said that no number of seeds helps


def seeds_to_reach(level: float, paired: bool = True) -> int:
    """The fewest seeds with which an exact test of two rules can give a p-value of that level."""
    n = 2
    while 2 / _ways(n, paired) > level:
        n += 1
    return n


def detectable(strata: Strata, error: float = ERROR, power: float = POWER) -> float:
    """The smallest difference that these numbers of runs, with this spread, would find with that power.

    inf if the test cannot reach the error with so few runs, or if no two runs differ, so that nothing is known.
    """
    sizes = [len(values) for _, values in parts_of(strata)]
    ways = prod(contrast.assignments for contrast in strata)
    return _found(strata, sizes, ways, error, power)


def seeds_needed(strata: Strata, effect: float, error: float = ERROR, power: float = POWER) -> float:
    """Seeds per rule with which a difference of `effect` would be found with that power, were the spread to stay so.

    inf beyond MOST_SEEDS, and if no two runs differ.
    """
    paired, parts = strata[0].paired, len(parts_of(strata))
    for n in range(2, MOST_SEEDS + 1):
        if _found(strata, [n] * parts, _ways(n, paired) ** len(strata), error, power) <= effect:
            return float(n)
    return inf


def _found(strata: Strata, sizes: Sequence[int], ways: int, error: float, power: float) -> float:
    """The effect that is found with that power by samples of these sizes, of the spread that `strata` have."""
    attained = _attained(ways, error)
    trim = strata[0].trim
    squares = np.array(
        [(w * _one_run(values, trim)) ** 2 / n for (w, values), n in zip(parts_of(strata), sizes, strict=True)]
    )
    total = float(squares.sum())
    if attained == 0 or total == 0:
        return inf
    each = np.array([degrees_of_freedom(n, trim) for n in sizes])
    df = total**2 / float((squares**2 / each).sum())
    errors = float(special.stdtrit(df, 1 - attained / 2) + special.stdtrit(df, power))
    if len(sizes) == 1:
        errors = max(errors, _by_signs(sizes[0], attained * ways / 2, power))
    return errors * float(np.sqrt(total))


def _one_run(values: np.ndarray, trim: float) -> float:
    """What one run contributes to the standard error, in units of the values."""
    errors = [spread(values, each)[0] for each in ((trim, 0.0) if has_ties(values) else (trim,))]
    return max(errors) * float(np.sqrt(len(values)))


def _ways(n: int, paired: bool) -> int:
    return 2**n if paired else comb(2 * n, n)


def _attained(ways: int, error: float) -> float:
    """The largest two-sided level at or below the error that an exact test of so many assignments has; 0 if none."""
    ways = ways if ways <= MOST else DRAWS + 1
    return floor(error * ways / 2 + 1e-9) * 2 / ways


def _by_signs(n: int, allowed: float, power: float) -> float:
    """Standard errors of a normal effect under which few enough of n differences have the wrong sign.

    Every wrong sign doubles the assignments that would look better than the observed one; `allowed` of them may.
    """
    wrong = int(log2(allowed))
    right = special.betaincinv(n - wrong, wrong + 1, power)  # P(at most `wrong` of n have the wrong sign) = power
    return float(special.ndtri(right) * np.sqrt(n))
