"""The samples that are compared: a number per run of two rules, paired where they ran on the same seeds."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.hypotheses import FEWEST_RUNS
from analysis.inference import NAN, TRIM
from analysis.measures.efficiency import restricted_time
from analysis.permutation import Contrast

Array = NDArray[np.float64]
Score = tuple[float, float] | None  # random and reference return
FEWEST_PAIRS = 6  # below which an exact test of pairs cannot reach 5 %


@dataclass(frozen=True)
class Measure:
    """A number per run that rules are compared by, whose centre it is, and which way is better."""

    title: str
    values: Callable[[pd.DataFrame], Array]  # of the runs of one label on one environment
    unit: Callable[[pd.DataFrame, Score], float]  # of one score, or of the whole budget, in values; nan if not known
    trim: float = 0.0
    more_is_better: bool = True
    in_scores: bool = True  # a declared smallest effect is one

    def estimand(self, paired: bool) -> str:
        """The estimand of a row's test, difference and interval."""
        centre = "IQM" if self.trim else "mean"
        return f"{centre} of paired differences" if paired else f"difference of {centre}s"

    def own(self, effect: float | None, part: pd.DataFrame, score: Score) -> float | None:
        """An effect in scores, in the unit of the values of one environment; None if there is none, or no score."""
        unit = self.unit(part, score)
        return effect * unit if effect is not None and self.in_scores and np.isfinite(unit) else None


class NoContrast(Exception):
    """Two rules that cannot be compared on an environment; the message is the verdict."""

    def __init__(self, why: str, first: pd.DataFrame, second: pd.DataFrame) -> None:
        super().__init__(why)
        self.counts = {"n_first": len(first), "n_second": len(second)}


def column(name: str) -> Callable[[pd.DataFrame], Array]:
    """The values of one column of measures."""
    return lambda part: part[name].to_numpy(float)


def restricted_steps(part: pd.DataFrame) -> Array:
    """Steps to half of the reference per run, or the whole budget; its mean is the restricted mean time (RMST)."""
    return restricted_time(part, 0.5)


def _returns(_: pd.DataFrame, score: Score) -> float:
    return NAN if score is None else abs(score[1] - score[0])


MEASURES = {
    "nauc": Measure("nAUC", column("nauc"), lambda _, __: 1.0),
    "final_sampled": Measure("final return", column("final_sampled"), _returns, trim=TRIM),
    "steps_to_half": Measure(
        "steps to half", restricted_steps, lambda part, _: float(part.budget.iloc[0]), more_is_better=False,
        in_scores=False,
    ),
}  # fmt: skip


def contrast_of(part: pd.DataFrame, first: str, second: str, measure: Measure) -> Contrast:
    """The runs of two labels on one environment.

    Pairs of the seeds that both have, where they have the same ones or FEWEST_PAIRS in common; else all runs of both,
    unpaired. Raises NoContrast: "incomplete" if a planned run is missing, "no score", or "too few runs".
    """
    a, b = (part[part.label == label].sort_values("seed") for label in (first, second))
    if not (len(a) and len(b)) or (a.status == "missing").any() or (b.status == "missing").any():
        raise NoContrast("incomplete", a, b)
    common = sorted(set(a.seed) & set(b.seed))
    paired = len(common) == len(a) == len(b) or len(common) >= FEWEST_PAIRS
    if paired:
        a, b = (rows[rows.seed.isin(common)] for rows in (a, b))
    values = [measure.values(rows) for rows in (a, b)]
    if not all(np.isfinite(each).all() for each in values):
        raise NoContrast("no score", a, b)
    if min(len(a), len(b)) < FEWEST_RUNS:
        raise NoContrast("too few runs", a, b)
    return Contrast(values[0], values[1], paired, measure.trim)


def pooled(found: dict[str, tuple[Contrast, float]], planned: int) -> tuple[str, tuple[Contrast, ...]] | None:
    """The contrasts of several environments in units of the score (of the budget), under a name; None below two."""
    known = [(contrast, unit) for contrast, unit in found.values() if np.isfinite(unit)]
    if len(known) < 2:
        return None
    strata = tuple(replace(c, first=c.first / unit, second=c.second / unit) for c, unit in known)
    return (f"all {planned}" if len(known) == planned else f"{len(known)} of {planned}") + " environments", strata
