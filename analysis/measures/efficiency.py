"""How good, and how soon."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
THRESHOLDS = (0.25, 0.5, 0.75, 0.9)
WINDOW = 5  # evaluations that must hold a threshold on average
NAN = float("nan")


def normalized(returns: Array, pair: tuple[float | Array, float | Array] | None) -> Array:
    """Scores z of returns [n], given the returns of z = 0 and of z = 1 (numbers, or one of each per return).

    nan without them.
    """
    if pair is None:
        return np.full(len(returns), NAN)
    zero, one = pair
    return np.asarray((np.asarray(returns, dtype=np.float64) - zero) / (np.asarray(one) - zero))


def normalized_auc(steps: Array, scores: Array) -> float:
    """Area under scores [K] over steps [K] by trapezoids, divided by the steps' range."""
    return float(np.trapezoid(scores, steps) / (steps[-1] - steps[0])) if len(steps) > 1 else NAN


def time_to_threshold(times: Array, scores: Array, threshold: float, window: int = WINDOW) -> float:
    """First of times [K] whose own score reaches the threshold, and so does the mean of the `window` scores from there.

    inf if none does. The mean alone would look ahead: it dates a rise to points that still lie below it. A whole window
    is asked for: of a last point or two alone, noise makes more of them than there are. nan for a grid of fewer points.
    """
    if len(scores) < window:
        return NAN
    held = np.lib.stride_tricks.sliding_window_view(scores, window).mean(axis=-1) >= threshold
    reached = np.flatnonzero(held & (scores[: len(held)] >= threshold))
    return float(times[reached[0]]) if len(reached) else float("inf")


def restricted_time(measures: pd.DataFrame, threshold: float, unit: str = "steps") -> Array:
    """min(time to the threshold, end of the budget) per run [n]; its mean is the restricted mean time (RMST).

    `unit` is "steps" or "seconds" of training; a failed run's budget takes the seconds that its pace makes of it.
    """
    ends = measures["budget" if unit == "steps" else "budget_s"]
    return np.minimum(measures[f"{unit}_to_{threshold:g}"].to_numpy(float), ends.to_numpy(float))
