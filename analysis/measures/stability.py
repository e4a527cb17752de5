"""How steady a run is, from its scores z [..., K] on the evaluation grid. Larger is worse, throughout.

They depend on the grid (a drawdown shrinks when it is looked at less often), so they compare runs of one grid only.
Most of what a curve does between two evaluations may be the noise of evaluating. `excess` tells how much more than that
it is: more than noise with the standard errors [K] of its points makes of the curve that fits best without ever
falling. Evaluations share their seeds, which makes the true noise of a difference smaller than two independent ones
would have; the corrected measures are therefore low rather than high. Families after Chan et al. 2020.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from analysis.measures.efficiency import WINDOW

Array = NDArray[np.float64]
Collapse = Literal["none", "recovered", "terminal"]
WORST = 0.05  # share of the points that a CVaR averages
BY_NOISE = 0.01  # of the null curves may fall as deep as a collapse does
DRAWS = 200  # of the noise around a curve
NORMAL_IQR = 2 * float(stats.norm.ppf(0.75))  # interquartile range of a standard normal
NAN = float("nan")


def worst_mean(losses: Array, share: float = WORST) -> Array:
    """Upper CVaR: mean of the largest `share` of losses [..., K]. Of the last loss that is in it, the part that is.

    With K losses it takes share * K of them, which need not be a whole number; below one it is the largest
    (Rockafellar and Uryasev 2002, proposition 8).
    """
    count = max(1.0, share * losses.shape[-1])
    whole = int(count)
    ordered = np.sort(losses, axis=-1)[..., ::-1]
    total = ordered[..., :whole].sum(axis=-1)
    if count > whole:
        total = total + (count - whole) * ordered[..., whole]
    return np.asarray(total / count)


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


def monotone(z: Array, errors: Array) -> Array:
    """The non-decreasing curve [K] that fits z [K] best, points weighted by their precision (isotonic regression).

    A point without noise counts as a million times as precise as the noisiest, or as the most precise that has noise.
    """
    largest = float(np.max(errors, initial=0.0))
    shares = errors / largest if largest > 0 else np.ones_like(errors)
    weights = np.maximum(shares, np.min(shares, where=shares > 0, initial=1e-3)) ** -2.0
    return np.asarray(optimize.isotonic_regression(z, weights=weights).x, dtype=np.float64)


def null_curves(z: Array, errors: Array) -> Array:
    """Curves [DRAWS, K] that never fall but for the noise of evaluating: it is drawn around `monotone`.

    The same draws for all runs. A flat curve would be too lenient a null: it shows the drawdowns of a policy that stays
    as it is, while one that improves has little time to fall below its best.
    """
    noise = np.random.default_rng(0).normal(size=(DRAWS, len(z))) * errors
    return monotone(z, errors) + noise


def excess(measure: Callable[[Array], Array], z: Array, null: Array) -> float:
    """The measure of z [K] less its mean over the null curves [DRAWS, K] of `null_curves`."""
    return float(measure(z) - measure(null).mean())


def lasting_falls(z: Array, window: int = WINDOW) -> Array:
    """Per `window` of successive scores [..., K - window + 1]: how far below its peak so far each of them is at least.

    0 unless every one of them has lost half of a peak above z = 0, or more.
    """
    if z.shape[-1] < window:
        return np.zeros((*z.shape[:-1], 0))
    peak, lost = np.maximum.accumulate(z, axis=-1), drawdown(z)
    deep = np.where((peak > 0) & (lost >= peak / 2), lost, 0.0)
    return np.lib.stride_tricks.sliding_window_view(deep, window, axis=-1).min(axis=-1)


def collapse(z: Array, null: Array) -> Collapse:
    """Whether z [K] lost half of its peak above z = 0 for five evaluations, and if so whether to the very end.

    One definition, for tables and figures alike. A fall that is no deeper than what the noise of evaluating makes in
    more than 1 % of the null curves [DRAWS, K] of `null_curves` is none: a policy that learns nothing would else
    "collapse" from a peak of noise. (Nearly all do without that; with it 4 to 5 % of 300 simulated ones, at 5 % of the
    null curves 15, since a fitted curve follows some of its noise.)
    """
    falls = lasting_falls(z)
    deepest = falls.max(initial=0.0)
    by_noise = (lasting_falls(null).max(axis=-1, initial=0.0) >= deepest).mean()
    if deepest == 0 or by_noise > BY_NOISE:
        return "none"
    return "terminal" if falls[-1] > 0 else "recovered"


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
