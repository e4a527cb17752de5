"""Rules over all environments at once: a list of samples of scores z, one [n_e] per environment.

Definitions are those of Agarwal et al. 2021 (`make compare-rliable` checks them against their library). Intervals come
from a stratified bootstrap: percentiles of resamples within each environment, widened about the estimate by
sqrt(n / (n - 1)), n the smallest sample. With few environments always look at each one too.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.inference import LEVEL, NAN, TRIM, Interval, agree

Array = NDArray[np.float64]
Statistic = Callable[..., Array]  # of samples [..., n_e], along `axis`
DRAWS = 2_000
LEAST = -0.5  # the score from which profiles are drawn


def pooled_iqm(*samples: Array, axis: int = -1) -> Array:
    """Interquartile mean of all scores together."""
    return np.asarray(stats.trim_mean(np.concatenate(samples, axis=axis), TRIM, axis=axis))


def mean_of_means(*samples: Array, axis: int = -1) -> Array:
    """Mean over environments of their mean scores."""
    return np.mean([sample.mean(axis=axis) for sample in samples], axis=0)


def median_of_means(*samples: Array, axis: int = -1) -> Array:
    """Median over environments of their mean scores."""
    return np.asarray(np.median([sample.mean(axis=axis) for sample in samples], axis=0))


def optimality_gap(*samples: Array, axis: int = -1) -> Array:
    """Mean shortfall of scores below 1; scores above 1 count as 1. Smaller is better."""
    return 1 - np.minimum(np.concatenate(samples, axis=axis), 1).mean(axis=axis)


STATISTICS: dict[str, Statistic] = {
    "IQM": pooled_iqm,
    "mean": mean_of_means,
    "median": median_of_means,
    "optimality gap": optimality_gap,
}


def stratified_interval(statistic: Statistic, samples: list[Array], draws: int = DRAWS, seed: int = 0) -> Interval:
    """The statistic with its interval; nan bounds where an environment has a single run.

    And where all resamples agree: runs that all stand at a ceiling, or all of one rule above all of the other, do not
    show how far from there others may be.
    """
    if not samples or not all(len(sample) and np.isfinite(sample).all() for sample in samples):
        return Interval(NAN, NAN, NAN)
    estimate = np.asarray(statistic(*samples))
    low, high = map(float, _bounds(statistic, samples, estimate, draws, seed))
    return Interval(float(estimate), *((low, high) if not agree(np.array([low, high])) else (NAN, NAN)))


def probability_of_improvement(a: list[Array], b: list[Array], draws: int = DRAWS) -> Interval:
    """Mean over environments of P(a run of a scores above one of b), ties counted half. Not a decision rule here."""
    environments = len(a)

    def improvement(*samples: Array, axis: int = -1) -> Array:
        pairs = zip(samples[:environments], samples[environments:], strict=True)
        return np.mean([_above(np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)) for x, y in pairs], axis=0)

    found = stratified_interval(improvement, [*a, *b], draws)
    return Interval(found.estimate, *(float(np.clip(end, 0, 1)) for end in (found.low, found.high)))


def _above(x: Array, y: Array) -> Array:
    """P(x > y) + P(x = y) / 2 for x [..., n], y [..., m]."""
    differences = x[..., :, None] - y[..., None, :]
    return np.asarray((np.sign(differences) + 1).mean(axis=(-2, -1)) / 2)


def performance_profile(samples: list[Array], thresholds: Array, draws: int = DRAWS) -> pd.DataFrame:
    """Share of all runs that score above each threshold tau: tau, share, low, high. The band is pointwise."""

    def profile(*resamples: Array, axis: int = -1) -> Array:
        scores = np.moveaxis(np.concatenate(resamples, axis=axis), axis, -1)
        return np.stack([(scores > tau).mean(axis=-1) for tau in thresholds])

    share = profile(*samples)
    low, high = _bounds(profile, samples, share, draws, 0)
    bounds = {"low": np.clip(low, 0, 1), "high": np.clip(high, 0, 1)}
    return pd.DataFrame({"tau": thresholds, "share": share, **bounds})


def _bounds(statistic: Statistic, samples: list[Array], estimate: Array, draws: int, seed: int) -> tuple[Array, Array]:
    n = min(map(len, samples))
    if n < 2:
        return np.full(estimate.shape, NAN), np.full(estimate.shape, NAN)
    found = stats.bootstrap(
        samples, statistic, n_resamples=draws, confidence_level=LEVEL, method="percentile",
        rng=np.random.default_rng(seed), batch=500,
    ).confidence_interval  # fmt: skip
    wider = float(np.sqrt(n / (n - 1)))
    return estimate - wider * (estimate - found.low), estimate + wider * (found.high - estimate)


def scored(measures: pd.DataFrame, measure: str) -> list[str]:
    """The environments on which any run has this score; the others have no anchors, and nothing can be pooled there."""
    known = measures.env[measures[measure].notna()] if measure in measures else measures.env.iloc[:0]
    return sorted(map(str, known.unique()))


def scores_of(measures: pd.DataFrame, measure: str) -> dict[str, list[Array]]:
    """label -> a sample per environment that is `scored`, in their order.

    Only labels with every planned run on every one of these environments.
    """
    environments = scored(measures, measure)
    found = {}
    for label, part in measures.groupby("label", sort=True):
        samples = [part[part.env == env][measure].to_numpy(float) for env in environments]
        if samples and all(len(sample) and np.isfinite(sample).all() for sample in samples):
            found[str(label)] = samples
    return found


def aggregate(measures: pd.DataFrame, measure: str = "final_sampled_z") -> pd.DataFrame:
    """label, statistic, estimate, low, high: every statistic of every complete rule."""
    rows = []
    for label, samples in scores_of(measures, measure).items():
        for name, statistic in STATISTICS.items():
            interval = stratified_interval(statistic, samples)
            rows.append((label, name, interval.estimate, interval.low, interval.high))
    return pd.DataFrame(rows, columns=["label", "statistic", "estimate", "low", "high"])


def profiles(measures: pd.DataFrame, measure: str = "final_sampled_z", points: int = 101) -> pd.DataFrame:
    """label, tau, share, low, high: every complete rule, on thresholds from LEAST or the worst score to the best.

    One ruined run far below would else leave the few thresholds that matter apart from each other.
    """
    scores = scores_of(measures, measure)
    every = np.concatenate([sample for samples in scores.values() for sample in samples]) if scores else np.zeros(1)
    thresholds = np.linspace(np.clip(every.min(), LEAST, 0.0), max(1.0, every.max()), points)
    parts = [performance_profile(samples, thresholds).assign(label=label) for label, samples in scores.items()]
    columns = ["label", "tau", "share", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def improvements(measures: pd.DataFrame, measure: str = "final_sampled_z") -> pd.DataFrame:
    """first, second, probability, low, high: every ordered pair of complete rules."""
    scores = scores_of(measures, measure)
    rows = []
    for first in scores:
        for second in scores:
            if first < second:
                found = probability_of_improvement(scores[first], scores[second])
                rows.append((first, second, found.estimate, found.low, found.high))
                rows.append((second, first, 1 - found.estimate, 1 - found.high, 1 - found.low))
    return pd.DataFrame(rows, columns=["first", "second", "probability", "low", "high"])
