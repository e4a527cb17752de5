"""How far apart the runs of one rule end: functions of one number per run [n]."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
CONTENT = 0.9  # of all runs, that an interval is to hold
CONFIDENCE = 0.95
NAN = float("nan")
NAMES = (
    "iqr", "mad", "min", "lower_quartile_mean", "shortest_low", "shortest_high", "tolerance_low", "tolerance_high",
)  # fmt: skip


def spread(values: Array) -> dict[str, float]:
    """NAMES: range of the middle half, median absolute deviation, worst run, mean of the worst quarter, both intervals.

    nan if there are no values, or if one is nan.
    """
    if not len(values) or np.isnan(values).any():
        return dict.fromkeys(NAMES, NAN)
    numbers = (
        float(np.subtract(*np.percentile(values, [75, 25]))),
        float(stats.median_abs_deviation(values)),
        float(values.min()),
        float(np.sort(values)[: -(-len(values) // 4)].mean()),
    )
    return dict(zip(NAMES, (*numbers, *shortest_interval(values), *tolerance_interval(values)), strict=True))


def shortest_interval(values: Array, content: float = CONTENT) -> tuple[float, float]:
    """The ends of the shortest interval that holds this share of the runs; with fewer than ten that is all of them."""
    ordered, held = np.sort(values), int(np.ceil(content * len(values) - 1e-9))
    lengths = ordered[held - 1 :] - ordered[: len(ordered) - held + 1]
    at = int(lengths.argmin())
    return float(ordered[at]), float(ordered[at + held - 1])


def tolerance_interval(values: Array, content: float = CONTENT, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two of the runs between which this share of *all future* runs lies, with this confidence, whatever their shape.

    From the k-th lowest to the k-th highest of n runs, k as large as it can be: what lies between them has the content
    p with P(Binomial(n, p) <= n - 2 k) (Wilks 1941; Patterson et al. 2024, section 4). nan where n does not allow it:
    90 % at 95 % takes 46 runs.
    """
    n = len(values)
    ranks = np.arange(1, n // 2 + 1)
    enough = ranks[stats.binom.cdf(n - 2 * ranks, n, content) >= confidence]
    if not len(enough):
        return NAN, NAN
    ordered, k = np.sort(values), int(enough[-1])
    return float(ordered[k - 1]), float(ordered[n - k])
