"""From a results directory to tidy frames; what was planned and is not there stays visible."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.anchors import Scale, scales
from analysis.manifest import APART, WHO, Declared, Manifest, ResultsError, manifest_of, read_manifest
from experiments.records import (
    STATUSES,
    BrokenCell,
    EvaluationRow,
    ReuseRow,
    Row,
    RunRow,
    TrialRow,
    UpdateRow,
    cell_name,
    frame,
    major,
    mixed_code,
    read_regular,
    read_tables,
    schema,
)
from experiments.records.packed import NO_PACK, cells_of, read_members

__all__ = ["Declared", "Results", "ResultsError", "load"]
FINITE = {"return_mean": "return", "return_sd": "spread of returns", "train_s": "time"}  # of an evaluation
LEAST = (("episodes", 1, "an evaluation of no episodes"), ("return_sd", 0, "a negative spread of returns"))
JUDGED = ("grid_step", "final", "action", "episodes")  # in which evaluations of one environment agree
Cell = tuple[RunRow, dict[str, pa.Table]]


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
    anchors: pd.DataFrame  # analysis.anchors: what scores are measured against, of the environments that have any
    problems: tuple[str, ...]  # broken cells and cells that nobody planned (not in the frames); mixed code
    declared: Declared | None
    interim: dict[str, dict[str, Any]]  # what the last interim analysis said, by the comparison's name (decide.py)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)  # rule -> hyper-parameter -> its default
    file: str = ""  # the matrix file, as it was given
    thinned: bool = False  # whether cells came from a compact pack: some columns of updates are rounded, others null
    named: tuple[str, ...] = ()  # measures and figures of the user's that the matrix file names (analysis.own)
    stored: tuple[str, ...] = ()  # which of the rows are a reference's, that stand beside the directory's own

    @cached_property
    def scales(self) -> dict[str, Scale]:
        """environment -> the returns that its scores are made of; without those that have no anchors."""
        return scales(self.anchors)

    @property
    def scores(self) -> dict[str, tuple[float, float]]:
        """environment -> the returns of score 0 and of score 1."""
        return {env: scale.pair for env, scale in self.scales.items()}

    @property
    def seconds_compare(self) -> str | None:
        """Why seconds of these runs must not stand in one table; None if they may."""
        for column, what in (("lane", "lanes"), ("jobs", "numbers of jobs"), ("cpu", "machines")):
            found = sorted(map(str, self.runs[column].unique()))
            if len(found) > 1:
                return f"runs of different {what}: {', '.join(found)}"
        return None


def load(folder: Path, mixed: bool = False) -> Results:
    """Read every planned cell of a results directory, or of a pack.

    Raises ResultsError, also if code or library versions differ between cells and that is not asked for (`mixed`).
    """
    plan, read = _opened(folder)
    planned = plan.planned
    cells, problems = _read_cells(read, planned)
    if not cells:
        reasons = "".join(f"\n  {problem}" for problem in problems[:5])
        raise ResultsError(f"{folder} has no finished cell among {len(planned)} planned; run the matrix first{reasons}")
    if differ := mixed_code((run for run, _ in cells), plan.listings):
        more = f" and {len(differ) - 3} more" if len(differ) > 3 else ""
        what = f"cells made by different versions of {', '.join(differ[:3])}{more}"
        if not mixed:
            raise ResultsError(f"{folder} holds {what}; run them again, or put them into one table with --mixed")
        problems.append(f"{what} are mixed here, as was asked for")
    if plan.declared is not None and plan.declared.after:
        problems.append(
            f"what is compared, or how, was not declared before: {plan.declared.after} runs had ended by then, so its "
            "verdicts are exploratory"
        )
    versions = sorted({run.protocol for run, _ in cells})
    if len(set(map(major, versions))) > 1:
        raise ResultsError(
            f"{folder} holds runs of protocols {', '.join(version or 'not recorded' for version in versions)}; numbers "
            "of different major versions never stand in one table: run the older ones again"
        )
    _check_grids(folder, cells)
    who = planned[["run_id", "env", "label", "seed"]]
    runs = frame(RunRow, [run for run, _ in cells]).sort_values(["env", "label", "seed"], ignore_index=True)
    return Results(
        name=plan.name,
        folder=folder,
        planned=planned,
        runs=runs,
        updates=_join(who, cells, UpdateRow, ["update"]),
        trials=_join(who, cells, TrialRow, ["update", "trial"]),
        reuses=_join(who, cells, ReuseRow, ["update", "k"]),
        evaluations=_join(who, cells, EvaluationRow, ["final", "grid_step", "action"]),
        anchors=plan.anchors,
        problems=tuple(problems),
        declared=plan.declared,
        interim={} if folder.is_file() else _read_interim(folder / "interim.json"),
        defaults=plan.defaults,
        file=plan.file,
        thinned=plan.thinned,
        named=plan.named,
    )


def _read_interim(file: Path) -> dict[str, dict[str, Any]]:
    try:
        return {str(comparison["name"]): comparison for comparison in json.loads(read_regular(file))[-1]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise ResultsError(f"{file} is not what --until-decided writes: {type(error).__name__}: {error}") from error


def _opened(place: Path) -> tuple[Manifest, Iterable[tuple[str, Callable[[], Cell]]]]:
    """The plan of a results directory or of a pack, and what reads each cell, by its name. Raises ResultsError."""
    if not place.is_file():
        folder = place / "cells"
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
        return read_manifest(place / "manifest.json"), [(path.name, partial(read_tables, path)) for path in paths]
    try:
        members = read_members(place)
        cells = {run.run_id: (run, tables) for run, tables in cells_of(members)}
        plan = manifest_of(members["manifest.json"], place)
    except NO_PACK as error:
        raise ResultsError(f"{place} is no pack: {type(error).__name__}: {error}") from error
    return plan, [(run_id, partial(cells.__getitem__, run_id)) for run_id in sorted(cells)]


def _read_cells(read: Iterable[tuple[str, Callable[[], Cell]]], planned: pd.DataFrame) -> tuple[list[Cell], list[str]]:
    cells, problems = [], []
    plans = planned.set_index("run_id", drop=False)
    for name, tables_of in read:
        if name not in plans.index:
            problems.append(f"{name}: not in the plan, left out")
            continue
        try:
            run, tables = tables_of()
            _check(run, tables["evaluations"], plans.loc[name])
            cells.append((run, tables))
        except BrokenCell as error:
            problems.append(f"{_name(plans.loc[name])}: {error}; counted as missing")
    return cells, problems


def _name(cell: Any) -> str:
    return cell_name(cell.label, cell.env, cell.seed)


def _check(run: RunRow, evaluations: pa.Table, plan: Any) -> None:
    """Raises BrokenCell for the cell of another plan, and for a run that says ok and is not whole."""
    for name in WHO:
        if getattr(run, name) != plan[name]:
            raise BrokenCell(f"its {name} is {getattr(run, name)!r}, planned was {plan[name]!r}")
    if run.status not in STATUSES:
        raise BrokenCell(f"unknown status {run.status!r}; expected one of {', '.join(STATUSES)}")
    steps, final = (evaluations[name].to_numpy() for name in ("grid_step", "final"))
    for name, least, what in LEAST:
        wrong = evaluations[name].to_numpy() < least
        if wrong.any():
            raise BrokenCell(f"{what} at step {steps[wrong].min()}")
    for name, what in FINITE.items():
        wrong = ~np.isfinite(evaluations[name].to_numpy())
        if wrong.any():
            raise BrokenCell(f"a {what} that is not a finite number at step {steps[wrong].min()}")
    twice = evaluations.select(["grid_step", "action", "final"]).to_pandas().duplicated()
    if twice.any():
        raise BrokenCell(f"two evaluations of one policy at step {steps[twice].min()}")
    if run.status == "ok" and not (len(steps) and steps.max() == run.budget and final.any()):
        reached = f"evaluations end at step {steps.max()}" if len(steps) else "it has no evaluation"
        raise BrokenCell(f"says ok, but {reached} of {run.budget}, the last policy's included")


def _check_grids(folder: Path, cells: list[Cell]) -> None:
    """Raises ResultsError unless runs of one environment were judged alike.

    At the same steps, of which a run that failed has the first ones, and by as many episodes.
    """
    judged = {run.run_id: _judged(tables["evaluations"]) for run, tables in cells}
    for env in sorted({run.env for run, _ in cells}):
        runs = [run for run, _ in cells if run.env == env]
        whole = max(runs, key=lambda run: (run.status == "ok", len(judged[run.run_id])))
        expected = judged[whole.run_id]
        for run in runs:
            points, lacking = judged[run.run_id], expected - judged[run.run_id]
            reached = max((step for step, *_ in points), default=0)
            cut_short = run.status != "ok" and all(step >= reached for step, *_ in lacking)
            if points - expected or (lacking and not cut_short):
                raise ResultsError(
                    f"{folder}: {_name(whole)} and {_name(run)} were not judged at the same steps by "
                    f"as many episodes; {APART}"
                )


def _judged(evaluations: pa.Table) -> set[tuple[Any, ...]]:
    return set(zip(*(evaluations[name].to_pylist() for name in JUDGED), strict=True))


def _join(who: pd.DataFrame, cells: list[Cell], row: type[Row], order: list[str]) -> pd.DataFrame:
    parts = [schema(row).empty_table(), *(tables[row.table] for _, tables in cells)]
    whole = pa.concat_tables(parts, promote_options="default").to_pandas()
    return who.merge(whole, on="run_id").sort_values(["env", "label", "seed", *order], ignore_index=True)
