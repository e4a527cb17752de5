"""Verdicts on pairs of rules: better, worse, practically equivalent or undecided, at 5 % for the whole table.

The matrix file declares the pairs before the runs (`[compare]`); of one that declares none every pair is looked at, and
the table says that this is exploration. Rules that ran on the same seeds are compared in pairs. Beside the verdicts of
each environment stands one over all of them, in units of the score. Holm's correction is over all rows of the table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analysis.contrasts import MEASURES, Measure, NoContrast, contrast_of, pooled
from analysis.hypotheses import ERROR, Strata, difference, equivalent, holm
from analysis.load import Results
from analysis.permutation import permutation_p, smallest_p
from analysis.power import detectable, seeds_needed, seeds_to_reach

MOST_PAIRS = 45  # beyond which exploring all of them decides nothing at five or ten seeds
COLUMNS = (
    "env", "first", "second", "measure", "estimand", "test", "n_first", "n_second", "difference", "low", "high",
    "ratio", "p", "smallest_p", "adjusted", "verdict", "detectable", "seeds_needed",
)  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """The scale of differences."""

    scores: Mapping[str, tuple[float, float]]  # environment -> the returns of score 0 and of score 1
    smallest_effect: float | None = None  # in scores
    over_all: bool = True  # whether environments are looked at together too


def pairs_of(results: Results) -> tuple[list[tuple[str, str]], list[str], str]:
    """The pairs, the measures, and a note on where they come from."""
    if results.declared is not None:
        note = "Declared in the matrix file before the runs."
        if results.declared.after:
            note = f"Declared after {results.declared.after} runs had ended: exploration."
        return list(results.declared.pairs), [results.declared.measure], note
    labels = sorted(results.planned.label.unique())
    pairs = list(combinations(labels, 2))
    if len(pairs) > MOST_PAIRS:
        return [], [], f"{len(pairs)} pairs, and none declared: name those of interest under [compare]."
    return pairs, list(MEASURES), "Not declared before the runs: exploration, every pair."


def compare(results: Results, measures: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """A row of COLUMNS per environment, pair and measure, and the note that belongs with the table.

    A pair without all its planned runs, or without enough of them, or without scores, has the verdict "incomplete",
    "too few runs" or "no score" and no numbers. Verdicts of interim analyses
    (`--until-decided`) stand as they were reached.
    """
    pairs, names, note = pairs_of(results)
    effect = results.declared.smallest_effect if results.declared else None
    frame = verdicts(measures, pairs, names, Scale(results.scores, effect, over_all=not results.interim))
    for i, row in frame.iterrows():
        taken = results.interim.get(f"{row['first']} against {row['second']} on {row['env']}", {})
        for name in ("verdict", "p", "adjusted") if taken else ():
            frame.loc[i, name] = taken[name]
    if results.interim:
        return frame, note + " Verdicts and p-values are of the last interim analysis, corrected for four."
    return frame, " ".join(filter(None, [out_of_reach(frame), note]))


def verdicts(
    measures: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    names: Sequence[str],
    scale: Scale,
    catalogue: Mapping[str, Measure] = MEASURES,
) -> pd.DataFrame:
    """A row of COLUMNS per environment, pair of labels and name of the catalogue, and one over all environments."""
    rows = [
        row
        for first, second in pairs
        for name in names
        for row in _rows_of(measures, first, second, name, catalogue[name], scale)
    ]
    rows.sort(key=lambda row: row.pop("order"))
    _decide(rows)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def out_of_reach(comparisons: pd.DataFrame) -> str:
    """A warning if no test of the table can reach the level that its family requires; else empty."""
    family = int(comparisons.p.notna().sum())
    if not family or comparisons.smallest_p.min() <= ERROR / family:
        return ""
    least, level = comparisons.smallest_p.min(), ERROR / family
    paired = bool(comparisons.estimand.str.contains("paired").any())
    return (
        f"Nothing in this table can be better or worse: an exact test of so few runs gives no p below {least:.2g}, and "
        f"{family} comparisons ask for {level:.2g}. {seeds_to_reach(level, paired)} seeds can reach it, or fewer "
        "declared comparisons."
    )


def _rows_of(
    measures: pd.DataFrame, first: str, second: str, name: str, measure: Measure, scale: Scale
) -> list[dict[str, Any]]:
    """Every environment's row, and the one over all environments where more than one can be compared."""
    rows, found = [], {}
    environments = sorted(measures.env.astype(str).unique())
    for place, env in enumerate(environments):
        row: dict[str, Any] = {"env": env, "first": first, "second": second, "measure": name, "order": place}
        part = measures[measures.env == env]
        try:
            contrast = contrast_of(part, first, second, measure)
        except NoContrast as reason:
            rows.append(row | reason.counts | {"verdict": str(reason)})
            continue
        score = scale.scores.get(env)
        found[env] = contrast, measure.unit(part, score)
        rows.append(row | _numbers((contrast,), measure, measure.own(scale.smallest_effect, part, score)))
    together = pooled(found, len(environments))
    if together and scale.over_all:
        env, strata = together
        row = {"env": env, "first": first, "second": second, "measure": name, "order": len(environments)}
        rows.append(row | _numbers(strata, measure, scale.smallest_effect if measure.in_scores else None))
    return rows


def _numbers(strata: Strata, measure: Measure, effect: float | None) -> dict[str, Any]:
    """All columns but the verdict, and under "sample" the values behind it; `effect` in the unit of the values."""
    found, contrast = difference(strata), strata[0]
    paired = all(each.paired for each in strata)
    numbers: dict[str, Any] = {
        "estimand": measure.estimand(paired),
        "test": "sign-flip permutation" if paired else "permutation",
        "n_first": sum(len(each.first) for each in strata),
        "n_second": sum(len(each.second) for each in strata),
        "difference": found.estimate, "low": found.low, "high": found.high,
        "p": permutation_p(strata), "smallest_p": smallest_p(strata), "sample": (strata, measure, effect),
    }  # fmt: skip
    if len(strata) == 1 and not measure.more_is_better and contrast.second.any():
        numbers["ratio"] = float(contrast.first.mean() / contrast.second.mean())
    return numbers


def _decide(rows: list[dict[str, Any]]) -> None:
    """Fill in the adjusted p-value, the verdict and the seeds that are still needed, in every row with a test."""
    tested = [row for row in rows if "p" in row]
    error = ERROR / max(1, len(tested))  # what Holm asks of the first of the family
    for row, adjusted in zip(tested, holm(np.array([row["p"] for row in tested])), strict=True):
        strata, measure, effect = row.pop("sample")
        row["adjusted"] = float(adjusted)
        row["verdict"] = verdict(strata, measure, row["adjusted"] <= ERROR, effect, error)
        if row["verdict"] == "undecided":
            row["detectable"] = detectable(strata, error)
            row["seeds_needed"] = np.nan if effect is None else seeds_needed(strata, effect, error)


def verdict(strata: Strata, measure: Measure, differ: bool, effect: float | None, error: float) -> str:
    """better, worse, practically equivalent or undecided; `effect` in the unit of the values, `error` of equivalence.

    A difference that is found and whose estimate is exactly 0 (most pairs at the ceiling) points nowhere: undecided.
    """
    estimate = difference(strata).estimate
    if differ and estimate:
        return "better" if (estimate > 0) == measure.more_is_better else "worse"
    return "practically equivalent" if equivalent(strata, effect, error) else "undecided"
