"""What a rule owes to its tuning, from the scores of its settings on every environment.

Scores are [S, E, n]: S settings, E environments, n seeds of tuning. The best of S settings, judged by the runs that it
was chosen by, is too good: whatever is said of a choice here comes from the one seed in turn that had no part in it.
After Adkins et al. 2024 (sensitivity, effective dimensionality), Patterson et al. 2024 (one setting for all
environments) and Dodge et al. 2019 (expected best of k).
"""

from collections.abc import Mapping
from itertools import combinations
from math import comb, inf

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.inference import LEVEL, Interval

Array = NDArray[np.float64]
NEAR = 0.95  # of the best score that counts as good as the best
GRID = 9  # values of a hyper-parameter on a fitted surface


def ranks(scores: Mapping[str, Array]) -> dict[str, Array]:
    """Every run as the share of all runs on its environment, of whatever rule, that are no better; ties count half.

    Of scores [S, E, n] per rule, with the same environments for all.
    """
    every = [np.concatenate([values[:, e].ravel() for values in scores.values()]) for e in range(_environments(scores))]
    return {
        rule: np.stack([_share_below(values[:, e], runs) for e, runs in enumerate(every)], axis=1)
        for rule, values in scores.items()
    }


def choose_each(scores: Array) -> NDArray[np.intp]:
    """Index of the best setting on every environment [E], by the mean over seeds; the first of equals."""
    return np.asarray(scores.mean(axis=2).argmax(axis=0))


def choose_one(ranked: Array) -> int:
    """Index of the best one setting for all environments, by the mean over environments and seeds of `ranks`."""
    return int(ranked.mean(axis=(1, 2)).argmax())


def tuned_per_environment(scores: Array) -> Array:
    """Score [E] on a seed that did not choose, of a setting chosen on each environment; the mean over seeds."""
    environments, seeds = np.arange(scores.shape[1]), range(scores.shape[2])
    chosen = [choose_each(np.delete(scores, seed, axis=2)) for seed in seeds if len(seeds) > 1]
    held = [scores[settings, environments, seed] for seed, settings in enumerate(chosen)]
    return np.mean(held, axis=0) if held else np.full(len(environments), np.nan)


def tuned_for_all(scores: Array, ranked: Array) -> Array:
    """Score [E] on a seed that did not choose, of one setting for all environments; the mean over seeds."""
    seeds = range(scores.shape[2])
    held = [scores[choose_one(np.delete(ranked, seed, axis=2)), :, seed] for seed in seeds if len(seeds) > 1]
    return np.mean(held, axis=0) if held else np.full(scores.shape[1], np.nan)


def best_of(selection: Array, values: Array, k: int) -> float:
    """Expected value [S] of whichever has the best selection score [S] among k of the settings, drawn without return.

    Exact: the setting with r better ones is the best of the k with probability C(S - 1 - r, k - 1) / C(S, k). Settings
    with equal selection scores stand for each other.
    """
    size = len(selection)
    if not 1 <= k <= size:
        raise ValueError(f"expected between 1 and {size} settings to try, got {k}")
    means = {level: float(values[selection == level].mean()) for level in np.unique(selection)}
    ordered = [means[level] for level in np.sort(selection)[::-1]]
    return sum(comb(size - 1 - r, k - 1) * value for r, value in enumerate(ordered)) / comb(size, k)


def best_of_each(scores: Array) -> Array:
    """[S, E]: `best_of` 1 to S settings on every environment, on a seed that did not choose; the mean over seeds."""
    size, environments, seeds = scores.shape
    found = np.full((seeds, size, environments), np.nan)
    for seed in range(seeds if seeds > 1 else 0):
        selection = np.delete(scores, seed, axis=2).mean(axis=2)
        for e in range(environments):
            found[seed, :, e] = [best_of(selection[:, e], scores[:, e, seed], k + 1) for k in range(size)]
    return np.asarray(found.mean(axis=0))


def over_environments(values: Array) -> Interval:
    """Mean over environments [E] with its t interval; no bounds below three environments."""
    mean, count = float(values.mean()), len(values)
    if count < 3 or not np.isfinite(values).all():
        return Interval(mean, np.nan, np.nan)
    half = float(stats.t.ppf((1 + LEVEL) / 2, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return Interval(mean, mean - half, mean + half)


def charged(score: float, spent: float) -> float:
    """Mean score per step with tuning paid for: `spent` budgets of steps that scored nothing, then one that did."""
    return score / (1 + spent)


def break_even(default: float, tuned: float, spent: float) -> float:
    """Budgets of steps to run after a tuning of `spent` budgets until it has paid: the default would have scored in all
    of them; inf if tuning gained nothing.
    """
    return spent * default / (tuned - default) if tuned > default else inf


def effective_dimensionality(scores: Array, near: float = NEAR) -> int:
    """How many hyper-parameters must be tuned per environment for `near` of what tuning all of them would score.

    Of scores [h_1, ..., h_k, E], an axis per hyper-parameter; the others stay at the best one setting for all. Scores
    tuned per environment must be positive on average, for a share of them to mean something: raises ValueError.
    """
    axes = scores.ndim - 1
    best = scores.reshape(-1, scores.shape[-1]).max(axis=0).mean()
    if best <= 0:
        raise ValueError(f"the mean score tuned per environment is {best:g}; expected a positive one")
    common = np.unravel_index(int(scores.mean(axis=-1).argmax()), scores.shape[:-1])
    for count in range(axes):
        for tuned in combinations(range(axes), count):
            kept = tuple(slice(None) if axis in tuned else common[axis] for axis in range(axes))
            found = scores[kept].reshape(-1, scores.shape[-1]).max(axis=0).mean()
            if found >= near * best:
                return count
    return axes


def surface(places: Array, scores: Array) -> tuple[Array, float]:
    """Fitted scores on a grid [GRID, ..., GRID] of the unit cube, from scores [S] at places [S, d].

    A parabola per hyper-parameter (the response surface of Box and Wilson 1951, without their products), by least
    squares; and the share of the scores' variance that it foretells of points left out (PRESS, Allen 1974), which is
    nan, as the grid is, with no more points than the 1 + 2d coefficients.
    """
    size, dimensions = places.shape
    axes = np.meshgrid(*[np.linspace(0, 1, GRID)] * dimensions, indexing="ij")
    if size <= 1 + 2 * dimensions or not np.isfinite(scores).all():
        return np.full([GRID] * dimensions, np.nan), np.nan
    rows = _parabolas(places)
    coefficients, *_ = np.linalg.lstsq(rows, scores, rcond=None)
    leverage = np.einsum("ij,ji->i", rows, np.linalg.pinv(rows))
    left_out = (scores - rows @ coefficients) / np.maximum(1 - leverage, 1e-12)
    spread = float(np.var(scores))
    fitted = _parabolas(np.stack([axis.ravel() for axis in axes], axis=1)) @ coefficients
    return fitted.reshape(axes[0].shape), 1 - float(np.mean(left_out**2)) / spread if spread > 0 else 1.0


def _parabolas(places: Array) -> Array:
    return np.concatenate([np.ones((len(places), 1)), places, places**2], axis=1)


def _environments(scores: Mapping[str, Array]) -> int:
    sizes = {values.shape[1] for values in scores.values()}
    if len(sizes) != 1:
        raise ValueError(f"expected the same environments for every rule, got {sorted(sizes)} of them")
    return sizes.pop()


def _share_below(values: Array, every: Array) -> Array:
    """The empirical distribution function of `every` [m] at values, ties half."""
    ordered = np.sort(every)
    below, within = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return np.asarray((below + within) / (2 * len(every)))
