"""How good, and how soon."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
THRESHOLDS = (0.25, 0.5, 0.75, 0.9)
WINDOW = 5  # evaluations that must hold a threshold on average
NAN = float("nan")


def normalized(returns: Array, score: tuple[float, float] | None) -> Array:
    """Scores z of returns; nan where the environment has no pinned pair."""
    if score is None:
        return np.full(len(returns), NAN)
    random, reference = score
    return (np.asarray(returns, dtype=np.float64) - random) / (reference - random)


def normalized_auc(steps: Array, scores: Array) -> float:
    """Area under scores [K] over steps [K] by trapezoids, divided by the steps' range."""
    return float(np.trapezoid(scores, steps) / (steps[-1] - steps[0])) if len(steps) > 1 else NAN


def time_to_threshold(times: Array, scores: Array, threshold: float, window: int = WINDOW) -> float:
    """First of times [K] from which the mean of the next `window` scores [K] reaches the threshold; inf if none.

    `scores[k]` itself may still lie below. A whole window is asked for: of a last point or two alone, noise makes more
    of them than there are. nan for a grid of fewer points.
    """
    if len(scores) < window:
        return NAN
    for k in range(len(scores) - window + 1):
        if np.mean(scores[k : k + window]) >= threshold:
            return float(times[k])
    return float("inf")
