"""Verdicts: supported, refuted, undecided or not yet run.

Two labels are compared as the report compares them (paired permutation test over all environments of the claim, Yuen's
interval), with Holm's correction over the claims of a family that have run. "better" is refuted by a difference the
other way, or inside the smallest effect; "equivalent" by a difference that is found; "more" is "better" of what the
first label has more than the second, on some environments beside others. A claim about one label is decided by its
interval on every environment ("above", "below", "within"), or, where nothing is estimated, by its worst case
("never_above").
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.claims.ledger import COMPARED, Claim
from analysis.claims.metrics import METRICS, Source, column
from analysis.contrasts import Measure, NoContrast, contrast_of
from analysis.contrasts import column as values_of
from analysis.hypotheses import ERROR, Strata, difference, equivalent, holm
from analysis.inference import NAN, Interval, trimmed_t_interval
from analysis.load import ResultsError
from analysis.permutation import Contrast, permutation_p

NOT_RUN = "not yet run"
NOTHING = Interval(NAN, NAN, NAN)
VALUE = Measure("value", values_of("value"), lambda *_: 1.0)


@dataclass(frozen=True)
class Found:
    """What the rows say of a claim."""

    verdict: str = NOT_RUN
    estimate: Interval = NOTHING
    runs: str = ""
    adjusted: float = NAN
    parts: tuple[tuple[str, Interval], ...] = ()  # environment by environment


def decide(claims: list[Claim], sources: Mapping[str, Source]) -> dict[str, Found]:
    """Claim -> what is found in the results of its matrix; "not yet run" where these are missing or incomplete.

    Raises ResultsError for a metric, label or environment that the matrix does not have.
    """
    strata: dict[str, Strata] = {}
    parts: dict[str, tuple[tuple[str, Interval], ...]] = {}
    found: dict[str, Found] = {claim.name: Found() for claim in claims}
    for claim in (claim for claim in claims if claim.matrix in sources):
        rows = rows_of(claim, sources[claim.matrix])
        if rows is None:
            continue
        if claim.test not in COMPARED:
            found[claim.name] = _about_one(claim, rows)
            continue
        try:
            each = _contrasts(claim, rows)
            strata[claim.name] = [_excess(claim, each, rows)] if claim.test == "more" else list(each.values())
            parts[claim.name] = tuple((env, difference([contrast])) for env, contrast in each.items())
        except NoContrast as reason:
            found[claim.name] = Found(NOT_RUN if str(reason) == "incomplete" else f"undecided: {reason}")
    p = {name: permutation_p(each) for name, each in strata.items()}
    adjusted: dict[str, float] = {}
    for family in {claim.family for claim in claims}:
        names = [claim.name for claim in claims if claim.family == family and claim.name in p]
        adjusted |= dict(zip(names, map(float, holm(np.array([p[name] for name in names]))), strict=True))
    for claim in (claim for claim in claims if claim.name in strata):
        tests = sum(other.family == claim.family and other.name in p for other in claims)
        found[claim.name] = _compared(claim, strata[claim.name], adjusted[claim.name], ERROR / tests, parts[claim.name])
    return found


def rows_of(claim: Claim, source: Source) -> pd.DataFrame | None:
    """The metric's rows that a claim is about; None if what makes them has not run on all its environments.

    A matrix plans all its cells, so what it lacks is a mistake of the claim: raises ResultsError.
    """
    if claim.metric in METRICS:
        rows = METRICS[claim.metric](source, **claim.arguments)
    elif claim.metric in source.measures:
        rows = column(source, claim.metric)
    else:
        raise ResultsError(f"{claim.name}: there is no measure {claim.metric}")
    environments = (*claim.environments, *claim.than) or tuple(sorted(set(map(str, rows.env))))
    for name, wanted in (("env", environments), ("label", claim.labels)):
        if absent := [each for each in wanted if each not in set(rows[name])]:
            if claim.command:
                return None
            raise ResultsError(f"{claim.name}: matrix {claim.matrix} has no {name} {absent[0]}")
    return rows[rows.env.isin(environments) & rows.label.isin(claim.labels)]


def _contrasts(claim: Claim, rows: pd.DataFrame) -> dict[str, Contrast]:
    """Environment -> the two labels on it. Raises NoContrast if one of them cannot be compared."""
    first, second = claim.labels
    return {str(env): contrast_of(part, first, second, VALUE) for env, part in rows.groupby("env", sort=True)}


def _excess(claim: Claim, each: Mapping[str, Contrast], rows: pd.DataFrame) -> Contrast:
    """Differences of the labels, mean over `environments`, beside those over `than`, in pairs of equal seeds.

    Raises NoContrast where the seeds differ.
    """
    if len({len(contrast.first) for contrast in each.values() if contrast.paired}) != 1:
        raise NoContrast("seeds differ", rows, rows)
    groups = [
        np.mean([each[env].first - each[env].second for env in names], axis=0)
        for names in (claim.environments, claim.than)
    ]
    return Contrast(groups[0], groups[1], True, 0.0)


def _compared(
    claim: Claim, strata: Strata, adjusted: float, error: float, parts: tuple[tuple[str, Interval], ...]
) -> Found:
    estimate, differ = difference(strata), adjusted <= ERROR
    same = equivalent(strata, claim.smallest_effect, error)
    good = (estimate.estimate > 0) == (claim.better == "higher")
    if claim.test == "equivalent":
        verdict = "supported" if same else "refuted" if differ else "undecided"
    else:
        verdict = "supported" if differ and good else "refuted" if differ or same else "undecided"
    runs = ", ".join(
        str(sum(len(side) for side in sides)) for sides in zip(*((c.first, c.second) for c in strata), strict=True)
    )
    return Found(verdict, estimate, runs, adjusted, parts)


def _about_one(claim: Claim, rows: pd.DataFrame) -> Found:
    """By the interquartile mean of every environment, or by the largest value of all."""
    values = {str(env): part.value.to_numpy(float) for env, part in rows.groupby("env", sort=True)}
    if (rows.status == "missing").any():
        return Found()
    if not np.isfinite(rows.value).all():
        return Found("undecided: no number")
    if claim.test == "never_above":
        parts = {env: Interval(float(each.max()), float(each.min()), float(each.max())) for env, each in values.items()}
        worst = max(parts.values(), key=lambda part: part.estimate)
        verdict = "supported" if worst.estimate <= claim.limits[1] else "refuted"
        return Found(verdict, worst, str(len(rows)), parts=tuple(parts.items()))
    parts = {env: trimmed_t_interval(each) for env, each in values.items()}
    sides = {env: _side(part, *claim.limits) for env, part in parts.items()}
    found = set(sides.values())
    verdict = "supported" if found == {"supported"} else "refuted" if "refuted" in found else "undecided"
    telling = min(parts, key=lambda env: _room(parts[env], *claim.limits))
    return Found(verdict, parts[telling], str(len(rows)), parts=tuple(parts.items()))


def _side(part: Interval, low: float, high: float) -> str:
    """Whether an interval lies between the limits, outside of them, or across one."""
    if part.low > low and part.high < high:
        return "supported"
    return "refuted" if part.high < low or part.low > high else "undecided"


def _room(part: Interval, low: float, high: float) -> float:
    """How far an estimate lies inside the limits: negative outside."""
    return min(part.estimate - low, high - part.estimate)
