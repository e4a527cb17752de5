"""Numbers that claims are about: of a results directory, a frame of env, label, seed, status and value.

A row is what a test counts as one: a run, a seed of a whole sweep, a trunk of forks, a random problem, a tuned
environment. Status "missing" marks what was planned and is not there; nan is a row without a number.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.fork_table import load_forks, measure_forks
from analysis.load import Results, load
from analysis.measures import measure_runs
from analysis.measures.efficiency import restricted_time
from analysis.plots.looks import family
from analysis.tuning.measures import ranks, tuned_for_all, tuned_per_environment
from analysis.tuning.study import study_of
from experiments.records import read_manifest

Array = NDArray[np.float64]
NAN = float("nan")
COLUMNS = ["env", "label", "seed", "status", "value"]
EVERY = "all environments"
PARAMETER = re.compile(r"(\w+)=([^,()]+)")
POWERS = {"max_kl": 0.5}  # of a hyper-parameter, that a step's length goes with; 1 for all others


@dataclass(frozen=True)
class Source:
    """A results directory, read when a metric asks for it, unless somebody has; raises ResultsError then."""

    folder: Path
    read: tuple[Results, pd.DataFrame] | None = None  # with its measures

    @cached_property
    def results(self) -> Results:
        return self.read[0] if self.read else load(self.folder)

    @cached_property
    def measures(self) -> pd.DataFrame:
        return self.read[1] if self.read else measure_runs(self.results)


Metric = Callable[..., pd.DataFrame]  # (source, **arguments)


def column(source: Source, of: str) -> pd.DataFrame:
    """A column of measures, a row per run."""
    return _runs(source, source.measures[of])


def log10(source: Source, of: str) -> pd.DataFrame:
    """Decades of a column of measures; nan where it is not positive."""
    values = source.measures[of].to_numpy(float)
    return _runs(source, np.log10(np.where(values > 0, values, NAN)))


def log10_time(source: Source, unit: str = "seconds", threshold: float = 0.5) -> pd.DataFrame:
    """Decades of the seconds of training (or steps) until half of the reference is reached and held, or of the whole
    budget's where it never is; evaluation left out."""
    return _runs(source, np.log10(restricted_time(source.measures, threshold, unit)))


def ruler_gap(source: Source) -> pd.DataFrame:
    """By how many decades the KL of a run's updates spreads more at one step length than at one quadratic KL.

    sd of log10(KL / |d|^2) less sd of log10(KL / (d'Fd / 2)), over the updates of a run that moved: to second order the
    first would be nought if equal distances in parameters were equal changes of the policy. nan below three updates.
    """
    updates = source.results.updates
    moved = updates[(updates.kl > 0) & (updates.step_norm > 0) & (updates.quadratic_kl > 0)]
    by_run = moved.assign(
        euclidean=np.log10(moved.kl / moved.step_norm**2), fisher=np.log10(moved.kl / moved.quadratic_kl)
    ).groupby("run_id")[["euclidean", "fisher"]]
    spread = by_run.std()[by_run.size() > 2]
    return _runs(source, source.measures.run_id.map(spread.euclidean - spread.fisher))


def tuned(source: Source, of: str, over: str) -> pd.DataFrame:
    """A column of measures at the value of a hyper-parameter that was best on the other seeds, per environment.

    A row per seed and label, the label without that hyper-parameter: the score on a seed that had no part in choosing.
    """
    rows = []
    for (env, entry), part in _entries(source, of, over).groupby(["env", "entry"], sort=True):
        scores = part.set_index(["seed", "label"]).value.unstack()  # noqa: PD010
        for seed in scores.index:
            others = scores.drop(index=seed).mean(skipna=False)
            value = scores.loc[seed, others.idxmax()] if others.notna().all() else NAN
            rows.append((env, entry, seed, _whole(part), value))
    return pd.DataFrame(rows, columns=COLUMNS)


def best_value(source: Source, of: str, over: str, along: str) -> pd.DataFrame:
    """log2 of the value of the hyper-parameter `along` that is best, once `over` is tuned for each: a row per seed."""
    scores = tuned(source, of, over)
    scores = scores[[along in settings_of(label) for label in scores.label]]
    scores = scores.assign(
        at=[float(settings_of(label)[along]) for label in scores.label], entry=scores.label.map(family)
    )
    rows = []
    for (env, entry, seed), part in scores.sort_values("at").groupby(["env", "entry", "seed"], sort=True):
        value = NAN if part.value.isna().any() else float(np.log2(part["at"].iloc[int(part.value.to_numpy().argmax())]))
        rows.append((env, entry, seed, _whole(part), value))
    return pd.DataFrame(rows, columns=COLUMNS)


def window_shift(source: Source, of: str, near: float, environments: Sequence[str]) -> pd.DataFrame:
    """How many decades of step length the middle of a rule's good settings moves between these environments.

    Good is what reaches the share `near` of the best setting's score on that environment and seed; the middle, the mean
    of their log10; the value, the highest middle less the lowest, a row per seed and sweep of one hyper-parameter. nan
    where on some environment no setting scores above 0.
    """
    runs = _runs(source, source.measures[of])
    swept = runs[runs.env.isin(environments) & (runs.label.map(settings_of).map(len) == 1)]
    swept = swept.assign(entry=swept.label.map(family), length=swept.label.map(_length))
    rows = []
    for (entry, seed), part in swept.groupby(["entry", "seed"], sort=True):
        middles = [
            _middle(each.length.to_numpy(float), each.value.to_numpy(float), near) for _, each in part.groupby("env")
        ]
        rows.append((EVERY, entry, seed, _whole(part), float(np.ptp(middles))))
    return pd.DataFrame(rows, columns=COLUMNS)


def over_promise(source: Source, expected: str) -> pd.DataFrame:
    """What was expected of a step less its true gain, as a share of what the batch's own surrogate promised.

    Of a trunk's own rule, over all its stages together; a row per seed. 0.5: half of the promise was not kept.
    expected: "on_batch", the surrogate of the rows that made the step; "held_out", of rows that it has not seen.
    """
    forks = measure_forks(load_forks(source.folder)[0])
    rows = []
    for (env, label, seed), part in forks[forks.label == forks.trunk].groupby(["env", "label", "seed"], sort=True):
        promised = float(part.on_batch.sum(skipna=False))
        missed = float((part[expected] - part.gain).sum(skipna=False))
        rows.append((env, label, seed, "ok", missed / promised if promised > 0 else NAN))
    return pd.DataFrame(rows, columns=COLUMNS)


def exact(source: Source, check: str) -> pd.DataFrame:
    """A number of experiments/exact.py, where everything is known in closed form: a row per random problem."""
    found = pd.read_csv(source.folder / "exact.csv")
    found = found[found["check"] == check]
    return pd.DataFrame(
        {"env": "random problems", "label": "exact", "seed": found.seed, "status": "ok", "value": found.value}
    )[COLUMNS]


def tuning_gap(source: Source) -> pd.DataFrame:
    """Score tuned per environment less that at one setting for all: how much a rule needs tuning. A row, in place of
    the seed, per environment of a tuning."""
    study = study_of(source.results, read_manifest(source.folder), source.measures)
    ranked = ranks({name: rule.scores for name, rule in study.rules.items()})
    rows: list[tuple[Any, ...]] = [
        (EVERY, name, number, "ok", value)
        for name, rule in study.rules.items()
        for number, value in enumerate(tuned_per_environment(rule.scores) - tuned_for_all(rule.scores, ranked[name]))
    ]
    rows += [(EVERY, name, 0, "missing", NAN) for name in study.left_out]
    return pd.DataFrame(rows, columns=COLUMNS)


METRICS: dict[str, Metric] = {
    metric.__name__: metric
    for metric in (log10, log10_time, ruler_gap, tuned, best_value, window_shift, over_promise, exact, tuning_gap)
}


def settings_of(label: str) -> dict[str, str]:
    """The swept hyper-parameters in a label: trpo(max_kl=0.02) -> {"max_kl": "0.02"}."""
    return dict(PARAMETER.findall(label))


def _runs(source: Source, values: "pd.Series[Any] | Array") -> pd.DataFrame:
    return source.measures[COLUMNS[:-1]].assign(value=np.asarray(values, dtype=np.float64))


def _entries(source: Source, of: str, over: str) -> pd.DataFrame:
    """The runs whose label has this hyper-parameter; `entry` is the label without it."""
    runs = _runs(source, source.measures[of])
    runs = runs[[over in settings_of(label) for label in runs.label]]
    return runs.assign(entry=[_without(label, over) for label in runs.label])


def _without(label: str, name: str) -> str:
    kept = ",".join(f"{key}={value}" for key, value in settings_of(label).items() if key != name)
    return family(label) + (f"({kept})" if kept else "")


def _whole(part: pd.DataFrame) -> str:
    return "missing" if (part.status == "missing").any() else "ok"


def _length(label: str) -> float:
    ((name, value),) = settings_of(label).items()
    return POWERS.get(name, 1.0) * float(np.log10(float(value)))


def _middle(lengths: Array, scores: Array, near: float) -> float:
    if not np.isfinite(scores).all() or scores.max() <= 0:
        return NAN
    return float(lengths[scores >= near * scores.max()].mean())
