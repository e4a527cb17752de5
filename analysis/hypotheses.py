"""Whether two rules differ: the difference with its interval, equivalence, and the correction for a family of tests.

A comparison is of one estimand throughout: the mean or the interquartile mean (IQM) of the differences of pairs that
share a seed, or, where the seeds differ, the difference of two means or IQMs; over several environments the mean of
these. The test (analysis/permutation.py), the printed difference, its interval and the test of equivalence are of it.

Percentile bootstrap intervals of a difference err in 13 % at five runs a side and a nominal 5 %, intervals of the
probability of improvement in 10, and "the bars of one standard error do not overlap" in 25: these are no decision rules
here (`calibration.py` measures it on real runs).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.inference import LEVEL, ROUNDING, Interval, Parts, agreement_by_chance, combined
from analysis.permutation import Contrast

Array = NDArray[np.float64]
Strata = Sequence[Contrast]  # an environment each
ERROR = 1 - LEVEL  # of a family of tests
FEWEST_RUNS = 4  # below which nothing is decided


def parts_of(strata: Strata) -> Parts:
    """The difference as a sum of centres of independent samples: one of differences, or two of runs, per stratum."""
    share = 1 / len(strata)
    parts: list[tuple[float, Array]] = []
    for contrast in strata:
        if contrast.paired:
            parts.append((share, _differences(contrast)))
        else:
            parts += [(share, contrast.first), (-share, contrast.second)]
    return parts


def _differences(contrast: Contrast) -> Array:
    """First less second [n] of pairs; what rounding alone leaves of equal values is none."""
    differences = contrast.first - contrast.second
    largest = np.maximum(np.abs(contrast.first), np.abs(contrast.second))
    return np.where(np.abs(differences) <= ROUNDING * largest, 0.0, differences)


def difference(strata: Strata, level: float = LEVEL) -> Interval:
    """First less second, with Yuen's interval, paired where the runs are; nan bounds where there is none."""
    return combined(parts_of(strata), strata[0].trim, level)


def equivalent(strata: Strata, smallest_effect: float | None, error: float = ERROR) -> bool:
    """Whether both one-sided tests put the difference inside +-smallest_effect (TOST, Schuirmann 1987)."""
    parts = parts_of(strata)
    fewest = min(len(values) for _, values in parts)
    if smallest_effect is None or fewest < FEWEST_RUNS:
        return False
    found = difference(strata, 1 - 2 * error)
    if found.low == found.high and agreement_by_chance(fewest, strata[0].trim) > 2 * error:
        return False
    return -smallest_effect < found.low and found.high < smallest_effect


def holm(p: Array) -> Array:
    """p-values [n] of a family, adjusted so that the whole family errs at the level they are compared with (Holm 1979).

    Not statsmodels' `multipletests`, which collects garbage on every call: 75 ms, and calibration makes thousands.
    """
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted
