"""From a results directory to tidy frames; what was planned and is not there stays visible."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from experiments.records import (
    BrokenCell,
    Cell,
    EvaluationRow,
    ReuseRow,
    Row,
    RunRow,
    TrialRow,
    UpdateRow,
    frame,
    read_cell,
)

REFERENCES = Path(__file__).with_name("references.csv")


class ResultsError(Exception):
    """The directory holds nothing that could be analysed; the message says why."""


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
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise ResultsError(f"{folder} is not a results directory: expected {manifest}, as run_matrix.py writes it")
    try:
        plan = json.loads(manifest.read_bytes())
        columns = ["run_id", "env", "rule", "label", "seed", "budget"]
        planned = pd.DataFrame([{name: cell[name] for name in columns} for cell in plan["cells"]], columns=columns)
        given = {env: (float(low), float(high)) for env, (low, high) in plan["scores"].items()}
        name = str(plan["matrix"])
    except (ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{manifest} is not a manifest: {type(error).__name__}: {error}") from error
    cells, problems = _read_cells(folder / "cells", set(planned.run_id))
    if not cells:
        raise ResultsError(f"{folder} has no finished cell among {len(planned)} planned; run the matrix first")
    made_by = sorted({(cell.run.code, cell.run.versions) for cell in cells})
    if len(made_by) > 1:
        what = f"cells made by {len(made_by)} versions of the code or its libraries"
        if not mixed:
            raise ResultsError(f"{folder} holds {what}; run them again, or put them into one table with --mixed")
        problems.append(f"{what} are mixed here, as was asked for")
    planned = planned.sort_values(["env", "label", "seed"], ignore_index=True)
    who = planned[["run_id", "env", "label", "seed"]]
    runs = frame(RunRow, [cell.run for cell in cells]).sort_values(["env", "label", "seed"], ignore_index=True)
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
    )


def _read_cells(folder: Path, planned: set[str]) -> tuple[list[Cell], list[str]]:
    cells, problems = [], []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name not in planned:
            problems.append(f"{path.name}: not in the plan, left out")
            continue
        try:
            cells.append(read_cell(path))
        except BrokenCell as error:
            problems.append(f"{error}; counted as missing")
    return cells, problems


def _join(who: pd.DataFrame, cells: list[Cell], row: type[Row], order: list[str]) -> pd.DataFrame:
    filled = [cell.tables[row.table] for cell in cells if len(cell.tables[row.table])]
    whole = pd.concat(filled, ignore_index=True) if filled else frame(row, [])
    return who.merge(whole, on="run_id").sort_values(["env", "label", "seed", *order], ignore_index=True)


def _pinned_scores() -> dict[str, tuple[float, float]]:
    """The random and reference returns of `references.csv`, where both are known."""
    table = pd.read_csv(REFERENCES).dropna(subset=["random", "reference"])
    pairs = zip(table.random.astype(float), table.reference.astype(float), strict=True)
    return dict(zip(table.env.astype(str), pairs, strict=True))
