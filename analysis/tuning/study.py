"""A tuning's runs as arrays: the scores of every setting of every rule, on every environment, with every seed."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.load import Results, ResultsError
from analysis.plots.looks import family
from experiments.records import Manifest

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RuleStudy:
    """One entry of the matrix file; its settings in the order of their labels' first cells, S of them."""

    name: str
    rule: str
    settings: tuple[dict[str, Any], ...]  # hyper-parameter -> value, of those that were tuned
    default: int | None  # index of the rule's own default among them
    scores: Array  # [S, E, n]
    places: Array  # [S, d] in the unit cube: where a setting lies in the ranges

    @property
    def tuned(self) -> tuple[str, ...]:
        """The d hyper-parameters."""
        return tuple(self.settings[0])


@dataclass(frozen=True)
class Study:
    """A whole tuning. An entry that lacks a run is not among `rules`, but in `left_out` with the reason."""

    matrix: str
    measure: str
    environments: tuple[str, ...]  # E, those that have scores
    seeds: tuple[int, ...]  # n
    share: float  # of a judged run's budget that a run of the tuning had
    rules: dict[str, RuleStudy]
    left_out: dict[str, str]
    unscored: tuple[str, ...]  # environments without scores

    @property
    def spent(self) -> float:
        """Budgets of a judged run that tuning one rule on one environment has taken."""
        most = max((len(rule.settings) for rule in self.rules.values()), default=0)
        return most * len(self.seeds) * self.share


def study_of(results: Results, manifest: Manifest, measures: pd.DataFrame, measure: str = "nauc") -> Study:
    """The tuning in a results directory, by a column of `measures`. Raises ResultsError if it is no tuning."""
    plan = manifest.head.get("tune")
    if not isinstance(plan, dict):
        raise ResultsError(f"{results.folder} is no tuning: its matrix has no [tune] table")
    if measure not in measures:
        raise ResultsError(f"{results.folder} has no scores {measure!r}; expected nauc or final_sampled_z")
    scored = measures.groupby("env")[measure].count()
    environments = tuple(str(env) for env in sorted(scored.index) if scored[env])
    if not environments:
        raise ResultsError(f"no environment of {results.folder} has scores; give some with score = [zero, one]")
    seeds = tuple(int(seed) for seed in sorted(plan["seeds"]))
    value = dict(zip(measures.run_id, measures[measure].astype(float), strict=True))
    entries: dict[str, list[dict[str, Any]]] = {}
    for cell in manifest.cells:
        if cell["env"] in environments and cell["seed"] in seeds:
            entries.setdefault(family(cell["label"]), []).append(cell | {"score": value.get(cell["run_id"], math.nan)})
    rules, left_out = {}, {}
    for name, cells in sorted(entries.items()):
        lacking = sum(math.isnan(cell["score"]) for cell in cells)
        if lacking:
            left_out[name] = f"{lacking} of {len(cells)} runs are missing"
        else:
            rules[name] = _rule(
                name, cells, plan["places"], results.defaults.get(cells[0]["rule"], {}), environments, seeds
            )
    return Study(
        results.name, measure, environments, seeds, float(plan["share"]), rules, left_out,
        tuple(sorted(set(map(str, scored.index)) - set(environments))),
    )  # fmt: skip


def _rule(
    name: str,
    cells: list[dict[str, Any]],
    places: Mapping[str, Mapping[str, float]],
    defaults: Mapping[str, Any],
    environments: tuple[str, ...],
    seeds: tuple[int, ...],
) -> RuleStudy:
    labels = sorted({cell["label"] for cell in cells})
    hyper = {cell["label"]: cell["hyper"] for cell in cells}
    differ = [key for key in places[labels[0]] if len({json.dumps(values.get(key)) for values in hyper.values()}) > 1]
    settings = [{key: hyper[label][key] for key in differ} for label in labels]
    usual = {key: defaults.get(key) for key in differ}
    scores = np.full((len(labels), len(environments), len(seeds)), np.nan)
    for cell in cells:
        at = labels.index(cell["label"]), environments.index(cell["env"]), seeds.index(cell["seed"])
        scores[at] = cell["score"]
    return RuleStudy(
        name,
        str(cells[0]["rule"]),
        tuple(settings),
        settings.index(usual) if usual in settings else None,
        scores,
        np.array([[places[label][key] for key in differ] for label in labels], float).reshape(len(labels), len(differ)),
    )
