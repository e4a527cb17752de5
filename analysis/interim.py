"""Interim analyses at growing numbers of seeds: their error rate together (Armitage, McPherson and Rowe 1969)."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Array = NDArray[np.float64]
ANALYSES = (5, 10, 15, 20)  # seeds, equally spaced
NODES = 80  # of Gauss and Legendre between the bounds of an analysis
FINEST = 1e-12  # below any p-value that a test here can give
POINTS = 120  # of the table between it and 1, linear between them in logarithms


def overall_error(p: Array) -> Array:
    """The probability that the smallest p-value of all ANALYSES is p or less where there is no difference.

    .0182 gives .05 (Pocock 1977, table 1). The ratio grows as p falls, .0018 gives .0056: a family of tests must be
    corrected before its interim analyses are.
    """
    grid, errors = _table()
    return np.asarray(np.exp(np.interp(np.log(np.clip(p, FINEST, 1.0)), grid, errors)))


def nominal_level(error: float) -> float:
    """The p-value that a single analysis must reach, so that all of them together err in `error`."""
    low, high = np.log(FINEST), 0.0
    return float(np.exp(optimize.brentq(lambda p: float(overall_error(np.exp(p))) - error, low, high)))


@lru_cache(maxsize=1)
def _table() -> tuple[Array, Array]:
    """log p and the log of the overall error."""
    grid = np.linspace(np.log(FINEST), 0.0, POINTS)
    inner = np.array([_error(float(stats.norm.isf(np.exp(p) / 2))) for p in grid[:-1]])
    return grid, np.log(np.append(inner, 1.0))


def _error(bound: float) -> float:
    """P(|S_k| >= bound sqrt(k) at any analysis k) for sums S_k of k independent standard normals.

    The density of S_k, of what no earlier analysis has stopped, is integrated from one analysis to the next.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    stopped, sums, mass = (
        float(2 * stats.norm.sf(bound)),
        bound * nodes,
        bound * weights * stats.norm.pdf(bound * nodes),
    )
    for k in range(2, len(ANALYSES) + 1):
        edge = bound * np.sqrt(k)
        stopped += float(mass @ (stats.norm.sf(edge - sums) + stats.norm.sf(edge + sums)))
        here = edge * nodes
        sums, mass = here, edge * weights * (stats.norm.pdf(here[:, None] - sums) @ mass)
    return stopped
