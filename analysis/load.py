"""From a results directory to tidy frames; what was planned and is not there stays visible."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from experiments.records import (
    BrokenCell,
    EvaluationRow,
    Listings,
    ReuseRow,
    Row,
    RunRow,
    TrialRow,
    UpdateRow,
    frame,
    mixed_code,
    read_tables,
    schema,
)

REFERENCES = Path(__file__).with_name("references.csv")
WHO = ["run_id", "env", "rule", "label", "seed", "budget"]
FINITE = {"return_mean": "return", "return_sd": "spread of returns", "train_s": "time"}  # of an evaluation
Cell = tuple[RunRow, dict[str, pa.Table]]


class ResultsError(Exception):
    """The directory holds nothing that could be analysed; the message says why."""


@dataclass(frozen=True)
class Declared:
    """What the matrix file said it would decide, before it ran."""

    pairs: tuple[tuple[str, str], ...]  # of labels
    measure: str
    smallest_effect: float | None  # smaller differences are practically none


@dataclass(frozen=True)
class Results:
    """One matrix. Every frame is sorted, so that whatever is made of it does not depend on the order of the cells."""

    name: str
    folder: Path
    planned: pd.DataFrame  # run_id, env, rule, label, seed, budget: one row per planned cell
    runs: pd.DataFrame  # RunRow
    updates: pd.DataFrame  # UpdateRow with env, label, seed; so are the next three
    trials: pd.DataFrame
    reuses: pd.DataFrame
    evaluations: pd.DataFrame
    scores: dict[str, tuple[float, float]]  # environment -> (random, reference) return
    problems: tuple[str, ...]  # broken cells and cells that nobody planned (not in the frames); mixed code
    declared: Declared | None
    looks: dict[str, dict[str, Any]]  # what the last look at the seeds said, by the comparison's name (decide.py)

    @property
    def seconds_compare(self) -> str | None:
        """Why seconds of these runs must not stand in one table; None if they may."""
        for column, what in (("lane", "lanes"), ("jobs", "numbers of jobs"), ("cpu", "machines")):
            found = sorted(map(str, self.runs[column].unique()))
            if len(found) > 1:
                return f"runs of different {what}: {', '.join(found)}"
        return None


def load(folder: Path, mixed: bool = False) -> Results:
    """Read every planned cell of a results directory.

    Raises ResultsError, also if code or library versions differ between cells and that is not asked for (`mixed`).
    """
    name, planned, given, declared, listings = _read_manifest(folder / "manifest.json")
    cells, problems = _read_cells(folder / "cells", planned)
    if not cells:
        reasons = "".join(f"\n  {problem}" for problem in problems[:5])
        raise ResultsError(f"{folder} has no finished cell among {len(planned)} planned; run the matrix first{reasons}")
    if differ := mixed_code((run for run, _ in cells), listings):
        more = f" and {len(differ) - 3} more" if len(differ) > 3 else ""
        what = f"cells made by different versions of {', '.join(differ[:3])}{more}"
        if not mixed:
            raise ResultsError(f"{folder} holds {what}; run them again, or put them into one table with --mixed")
        problems.append(f"{what} are mixed here, as was asked for")
    who = planned[["run_id", "env", "label", "seed"]]
    runs = frame(RunRow, [run for run, _ in cells]).sort_values(["env", "label", "seed"], ignore_index=True)
    return Results(
        name=name,
        folder=folder,
        planned=planned,
        runs=runs,
        updates=_join(who, cells, UpdateRow, ["update"]),
        trials=_join(who, cells, TrialRow, ["update", "trial"]),
        reuses=_join(who, cells, ReuseRow, ["update", "k"]),
        evaluations=_join(who, cells, EvaluationRow, ["final", "grid_step", "action"]),
        scores=_pinned_scores() | given,
        problems=tuple(problems),
        declared=declared,
        looks=_read_looks(folder / "looks.json"),
    )


def _read_manifest(
    file: Path,
) -> tuple[str, pd.DataFrame, dict[str, tuple[float, float]], Declared | None, Listings]:
    """The matrix's name, the planned cells, the scores it gives, what it is to decide, and the files of its code."""
    if not file.is_file():
        raise ResultsError(f"{file.parent} is not a results directory: expected {file}, as run_matrix.py writes it")
    try:
        plan = json.loads(file.read_bytes())
        planned = pd.DataFrame([{name: cell[name] for name in WHO} for cell in plan["cells"]], columns=WHO)
        given = {env: (float(low), float(high)) for env, (low, high) in plan["scores"].items()}
        for env, (low, high) in given.items():
            if not np.isfinite(high - low) or low == high:
                raise ValueError(f"the score of {env} is [{low}, {high}]; expected two different returns")
        compare = plan.get("compare")
        declared = None if compare is None else _declared(compare)
        name, listings = str(plan["matrix"]), dict(plan.get("code", {}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f"{file} is not a manifest: {type(error).__name__}: {error}") from error
    for same in ("run_id", ["env", "label", "seed"]):
        if planned.duplicated(same).any():
            twice = planned[planned.duplicated(same)].iloc[0]
            raise ResultsError(f"{file} plans a run twice: {twice.label} on {twice.env}, seed {twice.seed}")
    return name, planned.sort_values(["env", "label", "seed"], ignore_index=True), given, declared, listings


def _declared(compare: dict[str, Any]) -> Declared:
    effect = compare.get("smallest_effect")
    pairs = tuple((str(first), str(second)) for first, second in compare["rules"])
    return Declared(pairs, str(compare["measure"]), None if effect is None else float(effect))


def _read_looks(file: Path) -> dict[str, dict[str, Any]]:
    if not file.is_file():
        return {}
    try:
        return {str(comparison["name"]): comparison for comparison in json.loads(file.read_bytes())[-1]}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ResultsError(f"{file} is not what --until-decided writes: {type(error).__name__}: {error}") from error


def _read_cells(folder: Path, planned: pd.DataFrame) -> tuple[list[Cell], list[str]]:
    cells, problems = [], []
    plans = planned.set_index("run_id", drop=False)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name not in plans.index:
            problems.append(f"{path.name}: not in the plan, left out")
            continue
        try:
            run, tables = read_tables(path)
            _check(run, tables["evaluations"], plans.loc[path.name])
            cells.append((run, tables))
        except BrokenCell as error:
            problems.append(f"{error}; counted as missing")
    return cells, problems


def _check(run: RunRow, evaluations: pa.Table, plan: Any) -> None:
    """Raises BrokenCell for the cell of another plan, and for a run that says ok and is not whole."""
    for name in WHO:
        if getattr(run, name) != plan[name]:
            raise BrokenCell(f"{plan.run_id}: its {name} is {getattr(run, name)!r}, planned was {plan[name]!r}")
    steps, final = (evaluations[name].to_numpy() for name in ("grid_step", "final"))
    for name, what in FINITE.items():
        wrong = ~np.isfinite(evaluations[name].to_numpy())
        if wrong.any():
            raise BrokenCell(f"{plan.run_id}: a {what} that is not a finite number at step {steps[wrong].min()}")
    twice = evaluations.select(["grid_step", "action", "final"]).to_pandas().duplicated()
    if twice.any():
        raise BrokenCell(f"{plan.run_id}: two evaluations of one policy at step {steps[twice].min()}")
    if run.status == "ok" and not (len(steps) and steps.max() == run.budget and final.any()):
        reached = f"evaluations end at step {steps.max()}" if len(steps) else "it has no evaluation"
        raise BrokenCell(f"{plan.run_id}: says ok, but {reached} of {run.budget}, the last policy's included")


def _join(who: pd.DataFrame, cells: list[Cell], row: type[Row], order: list[str]) -> pd.DataFrame:
    whole = pa.concat_tables([schema(row).empty_table(), *(tables[row.table] for _, tables in cells)]).to_pandas()
    return who.merge(whole, on="run_id").sort_values(["env", "label", "seed", *order], ignore_index=True)


def _pinned_scores() -> dict[str, tuple[float, float]]:
    """The random and reference returns of `references.csv`, where both are known."""
    table = pd.read_csv(REFERENCES).dropna(subset=["random", "reference"])
    pairs = zip(table.random.astype(float), table.reference.astype(float), strict=True)
    return dict(zip(table.env.astype(str), pairs, strict=True))
