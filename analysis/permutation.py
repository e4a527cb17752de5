"""Exact permutation tests of a difference of centres: labels are exchanged within pairs, or among all runs.

Runs of equal seeds form pairs, and only the labels of a pair are exchanged: the signs of the differences flip. Where
trimming makes many assignments equal, the plain mean tells them apart, so that n pairs reach p = 2 / 2^n with any
trimming. The tests are exact at ceilings too, where Yuen's t has no spread to divide by.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import combinations
from math import comb, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.inference import trimmed_from_each_end

Array = NDArray[np.float64]
MOST = 200_000  # assignments up to which a test is exact: ten runs a side, or 17 pairs
DRAWS = 49_999  # beyond; no p-value is then below 2 / (draws + 1)
BLOCK = 4_000_000  # numbers that are sorted at once
SECOND = 1e-6  # weight of the mean beside the trimmed mean


@dataclass(frozen=True)
class Contrast:
    """Values of two rules on one environment, a run each; `paired` if first[i] and second[i] share their seed."""

    first: Array
    second: Array
    paired: bool
    trim: float  # of the centre whose difference is looked at: 0 for means, 0.25 for IQMs

    @property
    def assignments(self) -> int:
        """The number of possible assignments of labels."""
        n, m = len(self.first), len(self.second)
        return 2**n if self.paired else comb(n + m, n)


def permutation_p(strata: Sequence[Contrast]) -> float:
    """Two-sided p-value of the mean difference over strata (environments), twice the smaller tail.

    Exact where there are at most MOST assignments over all strata; otherwise of DRAWS random ones beside the observed
    one.
    """
    if _are_counted(strata):
        sums = reduce(np.add.outer, [_differences(contrast, None) for contrast in strata]).ravel()
    else:
        rng = np.random.default_rng(0) if len(strata) > 1 else None
        sums = np.sum([_differences(contrast, rng) for contrast in strata], axis=0)
    close = 1e-11 * sum(np.abs(np.concatenate([c.first, c.second])).max() for c in strata)  # rounding alone is a tie
    tails = (sums >= sums[0] - close).mean(), (sums <= sums[0] + close).mean()
    return float(min(1.0, 2 * min(tails)))


def smallest_p(strata: Sequence[Contrast]) -> float:
    """The smallest p-value that these numbers of runs can give."""
    return 2 / (prod(c.assignments for c in strata) if _are_counted(strata) else DRAWS + 1)


def _are_counted(strata: Sequence[Contrast]) -> bool:
    """Whether all assignments are enumerated, not sampled."""
    return prod(contrast.assignments for contrast in strata) <= MOST


def _differences(contrast: Contrast, rng: np.random.Generator | None) -> Array:
    """The difference of centres under the assignments of labels, the observed one first; DRAWS by a generator."""
    n, m = len(contrast.first), len(contrast.second)
    rows = _flips(n) if contrast.paired else _orders(n, m)
    if rng is not None:
        rows = rows[np.append(0, rng.integers(len(rows), size=DRAWS))]
    if contrast.paired:
        differences = contrast.first - contrast.second
        return _by_blocks(rows, lambda signs: _centres(signs * differences, contrast.trim))
    pooled = np.concatenate([contrast.first, contrast.second])
    return _by_blocks(
        rows,
        lambda order: _centres(pooled[order[:, :n]], contrast.trim) - _centres(pooled[order[:, n:]], contrast.trim),
    )


def _by_blocks(rows: NDArray[Any], statistic: Callable[[NDArray[Any]], Array]) -> Array:
    size = max(1, BLOCK // rows.shape[1])
    return np.concatenate([statistic(rows[i : i + size]) for i in range(0, len(rows), size)])


def _centres(values: Array, trim: float) -> Array:
    """Trimmed means of values [assignments, n]; what they tie on, the means tell apart."""
    n, mean = values.shape[1], values.mean(axis=1)
    g = trimmed_from_each_end(n, trim)
    if not g:
        return mean
    middle = np.partition(values, (g, n - g - 1), axis=1)[:, g : n - g]
    return np.asarray(middle.mean(axis=1) + SECOND * mean)


@lru_cache(maxsize=4)
def _flips(n: int) -> Array:
    """Rows of n signs, none flipped in the first: all of them, or DRAWS random ones after it."""
    if 2**n <= MOST:
        return np.asarray(1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1), dtype=np.float64)
    drawn = np.random.default_rng(0).choice([-1.0, 1.0], size=(DRAWS, n))
    return np.concatenate([np.ones((1, n)), drawn])


@lru_cache(maxsize=4)
def _orders(n: int, m: int) -> NDArray[np.intp]:
    """Rows that put n of n + m runs first, as they are in the first row: all choices, or DRAWS random ones after."""
    if comb(n + m, n) <= MOST:
        chosen = np.array(list(combinations(range(n + m), n)))
        others = np.ones((len(chosen), n + m), dtype=bool)
        np.put_along_axis(others, chosen, False, axis=1)
        return np.hstack([chosen, np.nonzero(others)[1].reshape(len(chosen), m)])
    drawn = np.random.default_rng(0).permuted(np.tile(np.arange(n + m), (DRAWS, 1)), axis=1)
    return np.concatenate([np.arange(n + m)[None], drawn])
