"""How steady a run is, from its scores z [..., K] on the evaluation grid. Larger is worse, throughout.

They depend on the grid (a drawdown shrinks when it is looked at less often), so they compare runs of one grid only.
Most of what a curve does between two evaluations may be the noise of evaluating: `excess` tells how much more than that
it is, with standard errors [K] from the episodes of each point. Evaluations share their seeds, which makes the true
noise of a difference smaller than two independent ones would have; the corrected measures are therefore low rather than
high. Families after Chan et al. 2020.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.measures.efficiency import WINDOW

Array = NDArray[np.float64]
Collapse = Literal["none", "recovered", "terminal"]
WORST = 0.05  # share of the points that a CVaR averages
DRAWS = 200  # of a flat curve's noise
NORMAL_IQR = 2 * float(stats.norm.ppf(0.75))  # interquartile range of a standard normal
NAN = float("nan")


def worst_mean(losses: Array, share: float = WORST) -> Array:
    """Upper CVaR: mean of the largest losses [..., K], so many that they are `share` of all, and one at least."""
    count = max(1, int(np.ceil(share * losses.shape[-1])))
    return np.asarray(np.sort(losses, axis=-1)[..., -count:].mean(axis=-1))


def dispersion(z: Array) -> Array:
    """Interquartile range of the differences between successive scores, over the last two thirds."""
    steps = np.diff(z)
    late = steps[..., steps.shape[-1] // 3 :]
    return np.asarray(np.subtract(*np.percentile(late, [75, 25], axis=-1)))


def corrected_dispersion(z: Array, errors: Array) -> float:
    """`dispersion` less the variance that independent evaluation noise would add to each difference; 0 at least."""
    noise = errors[1:] ** 2 + errors[:-1] ** 2
    variance = NORMAL_IQR**2 * float(noise[len(noise) // 3 :].mean())
    return float(np.sqrt(max(0.0, float(dispersion(z)) ** 2 - variance)))


def short_term_risk(z: Array) -> Array:
    """Mean of the 5 % deepest falls from one evaluation to the next: minus the lower CVaR of the differences."""
    return worst_mean(-np.diff(z))


def drawdown(z: Array) -> Array:
    """D [..., K]: how far each score lies below the highest so far."""
    return np.maximum.accumulate(z, axis=-1) - z


def long_term_risk(z: Array) -> Array:
    """Mean of the 5 % largest drawdowns."""
    return worst_mean(drawdown(z))


def max_drawdown(z: Array) -> Array:
    """The largest drawdown."""
    return np.asarray(drawdown(z).max(axis=-1))


def excess(measure: Callable[[Array], Array], z: Array, errors: Array) -> float:
    """The measure of z [K] less its mean over flat curves with this evaluation noise alone (same draws for all)."""
    noise = np.random.default_rng(0).normal(size=(DRAWS, len(z))) * errors
    return float(measure(z) - measure(noise).mean())


def collapse(z: Array, errors: Array | float = 0.0, window: int = WINDOW) -> Collapse:
    """Whether z [K] lost half of its peak above random for `window` evaluations, and stayed there to the end.

    With `errors` [K] a point counts only if its fall is significant (one-sided 5 %) given both points' noise.
    """
    errors = np.broadcast_to(errors, z.shape)
    peak = np.maximum.accumulate(z)
    at_peak = np.maximum.accumulate(np.where(z == peak, np.arange(len(z)), 0))
    noise = stats.norm.ppf(1 - WORST) * np.hypot(errors, errors[at_peak])
    fallen = (peak > 0) & (peak - z >= peak / 2) & (peak - z > noise)
    lengths = np.zeros(len(z), dtype=int)
    for k, down in enumerate(fallen):
        lengths[k] = (lengths[k - 1] if k else 0) + 1 if down else 0
    if not (lengths >= window).any():
        return "none"
    return "terminal" if lengths[-1] >= window else "recovered"


def significant_loss_share(means: Array, errors: Array, episodes: Array) -> float:
    """Share of successive evaluations between which the mean return fell significantly (one-sided 5 %, Welch's t).

    0.05 of them would by noise alone, were the policy to stay as it is; nan with fewer than two evaluations.
    """
    if len(means) < 2:
        return NAN
    variances = errors**2
    both = variances[1:] + variances[:-1]
    weights = variances**2 / np.maximum(episodes - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(both > 0, both**2 / (weights[1:] + weights[:-1]), 1.0)
        t = np.where(both > 0, np.diff(means) / np.sqrt(both), np.sign(np.diff(means)) * np.inf)
    return float(np.mean(np.nan_to_num(t, nan=0.0, posinf=np.inf, neginf=-np.inf) < stats.t.ppf(WORST, df)))
