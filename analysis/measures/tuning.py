"""What a rule owes to its tuning: from scores of every setting on every environment, means over runs.

Definitions after Adkins et al. 2024 (sensitivity, effective dimensionality) and Patterson et al. 2024 (one setting for
all environments). Choose on seeds of tuning, judge on fresh ones: the best of twenty, judged by the runs that it was
chosen by, is 0.8 standard deviations too good.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analysis.measures.efficiency import normalized_auc

Array = NDArray[np.float64]
NEAR = 0.95  # of the best score that counts as good as the best


def sensitivity(scores: Array) -> float:
    """Mean score tuned per environment less that at the best one setting, of scores [..., E] on E environments.

    The other axes are hyper-parameters. 0 if one setting is best everywhere.
    """
    settings = scores.reshape(-1, scores.shape[-1])
    return float(settings.max(axis=0).mean() - settings.mean(axis=1).max())


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


def common_setting(runs: list[list[Array]]) -> int:
    """Index of the best one setting for all environments, of runs[setting][environment] [n] in whatever unit.

    Every run counts by its rank: the share of all runs on its environment that are no better, ties half. Settings are
    compared by the mean over environments of their runs' mean.
    """
    ranks = []
    for environment in zip(*runs, strict=True):
        every = np.concatenate(environment)
        ranks.append([float(_share_below(values, every).mean()) for values in environment])
    return int(np.mean(ranks, axis=0).argmax())


def paid_auc(steps: Array, scores: Array, spent: float) -> float:
    """nAUC of scores [K] at steps [K] after tuning is paid for: the curve starts when its `spent` steps are over.

    Until then it scores 0; what lies beyond the budget, the last of the steps, is lost.
    """
    if spent >= steps[-1]:
        return 0.0
    last = steps[-1] - spent
    inside = steps < last
    shifted = np.append(steps[inside], last)
    curve = np.append(scores[inside], np.interp(last, steps, scores))
    return normalized_auc(shifted, curve) * float(last / steps[-1])


def _share_below(values: Array, every: Array) -> Array:
    """The empirical distribution function of `every` [m] at values [n], ties half."""
    ordered = np.sort(every)
    below, within = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return np.asarray((below + within) / (2 * len(every)))
