"""Verdicts on pairs of rules: better, worse, practically equivalent or undecided, at 5 % for the whole table.

The matrix file declares the pairs before the runs (`[compare]`); of one that declares none every pair is looked at, and
the table says that this is exploration. Holm's correction is over all rows of the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.hypotheses import (
    ERROR,
    detectable,
    equivalent,
    holm,
    permutation_p,
    seeds_needed,
    yuen_difference,
    yuen_p,
)
from analysis.inference import iqm
from analysis.load import Results
from analysis.measures.efficiency import restricted_time

Array = NDArray[np.float64]
MOST_PAIRS = 45  # beyond which exploring all of them decides nothing at five or ten seeds
FEWEST_RUNS = 4  # an exact test of three against three cannot reach 5 %
COLUMNS = (
    "env", "first", "second", "measure", "test", "n_first", "n_second", "difference", "low", "high", "ratio", "p",
    "adjusted", "verdict", "detectable", "seeds_needed",
)  # fmt: skip


@dataclass(frozen=True)
class Measure:
    """A number per run that rules are compared by, the test that does it, and which way is better."""

    title: str
    values: Callable[[pd.DataFrame], Array]  # of the runs of one label on one environment
    test: Callable[[Array, Array], float]
    test_name: str
    centre: Callable[[Array], Any]  # whose difference is tested
    more_is_better: bool = True


def _column(name: str) -> Callable[[pd.DataFrame], Array]:
    return lambda part: part[name].to_numpy(float)


def restricted_steps(part: pd.DataFrame) -> Array:
    """Steps to half of the reference per run, or the whole budget."""
    return restricted_time(part, 0.5)


MEASURES = {
    "nauc": Measure("nAUC", _column("nauc"), permutation_p, "permutation", np.mean),
    "final_sampled": Measure("final return", _column("final_sampled"), yuen_p, "Yuen", iqm),
    "steps_to_half": Measure(
        "steps to half", restricted_steps, permutation_p, "permutation", np.mean, more_is_better=False
    ),
}


def pairs_of(results: Results) -> tuple[list[tuple[str, str]], list[str], str]:
    """The pairs, the measures, and what is to be said about where they come from."""
    if results.declared is not None:
        return list(results.declared.pairs), [results.declared.measure], "Declared in the matrix file before the runs."
    labels = sorted(results.planned.label.unique())
    pairs = list(combinations(labels, 2))
    if len(pairs) > MOST_PAIRS:
        return [], [], f"{len(pairs)} pairs, and none declared: name those of interest under [compare]."
    return pairs, list(MEASURES), "Not declared before the runs: exploration, every pair."


def compare(results: Results, measures: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """A row of COLUMNS per environment, pair and measure, and the note that belongs under the table.

    A pair without all its planned runs, or without enough of them, or without scores, has the verdict "incomplete",
    "too few runs" or "no score" and no numbers. Verdicts of looks (`--until-decided`) stand as they were taken.
    """
    pairs, names, note = pairs_of(results)
    effect = results.declared.smallest_effect if results.declared else None
    rows = [
        {
            "env": str(env),
            "first": first,
            "second": second,
            "measure": name,
            **_raw(part, first, second, MEASURES[name]),
        }
        for env, part in measures.groupby("env", sort=True)
        for first, second in pairs
        for name in names
    ]
    tested = [row for row in rows if "p" in row]
    for row, adjusted in zip(tested, holm(np.array([row["p"] for row in tested])), strict=True):
        row["adjusted"] = float(adjusted)
        row |= _verdict(row.pop("samples"), row, effect, MEASURES[row["measure"]], len(tested))
    for row in rows:
        taken = results.looks.get(f"{row['first']} against {row['second']} on {row['env']}")
        if taken is not None:
            row |= {name: taken[name] for name in ("verdict", "p", "adjusted")}
    if results.looks:
        note += " Verdicts and p-values are of the last look at the seeds, at a level that allows for four."
    return pd.DataFrame(rows, columns=list(COLUMNS)), note


def _raw(part: pd.DataFrame, first: str, second: str, measure: Measure) -> dict[str, Any]:
    groups = [part[part.label == label] for label in (first, second)]
    counts: dict[str, Any] = {"test": measure.test_name, "n_first": len(groups[0]), "n_second": len(groups[1])}
    if not all(len(group) for group in groups) or any((group.status == "missing").any() for group in groups):
        return counts | {"verdict": "incomplete"}
    a, b = (measure.values(group) for group in groups)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return counts | {"verdict": "no score"}
    if min(len(a), len(b)) < FEWEST_RUNS:
        return counts | {"verdict": "too few runs"}
    found = yuen_difference(a, b)
    numbers = {"difference": found.estimate, "low": found.low, "high": found.high}
    ratio = {} if measure.more_is_better or not b.any() else {"ratio": float(a.mean() / b.mean())}
    return counts | numbers | ratio | {"p": measure.test(a, b), "samples": (a, b)}


def _verdict(
    samples: tuple[Array, Array], row: dict[str, Any], effect: float | None, measure: Measure, family: int
) -> dict[str, Any]:
    a, b = samples
    if row["adjusted"] <= ERROR:
        more = measure.centre(a) > measure.centre(b)
        return {"verdict": "better" if more == measure.more_is_better else "worse"}
    error = ERROR / family  # what Holm asks of the first of the family
    if equivalent(a, b, effect, error):
        return {"verdict": "practically equivalent"}
    sought = row["difference"] if effect is None else effect
    needed = {"detectable": detectable(a, b, error), "seeds_needed": seeds_needed(a, b, sought, error)}
    return {"verdict": "undecided"} | needed
