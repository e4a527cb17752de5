"""Reading a results directory. Nothing is written, no lock is taken: a matrix may be running in it."""

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments import console
from experiments.estimate import clock, rate_of, seconds_per_step, steps_of
from experiments.heartbeat import Reached, read_heartbeat
from experiments.names import Pattern
from experiments.owner import NOT_RUNNING, running
from experiments.records import (
    BrokenCell,
    Manifest,
    PolicyRow,
    RunRow,
    altered_files,
    cell_name,
    mixed_code,
    read_cell,
    read_manifest,
    read_record,
    read_regular,
    read_run,
)

OPEN = ("running", "begun", "waiting")  # states of a cell that is not finished


class NotFound(Exception):
    """There is no such directory or cell; the message lists what exists."""


@dataclass(frozen=True)
class Planned:
    """A planned cell and its state."""

    plan: dict[str, Any]
    run: RunRow | None
    broken: str | None
    checkpoint: Path | None
    reached: Reached | None  # how far it is, if it runs now

    @property
    def name(self) -> str:
        """Its name, RULE/ENVIRONMENT/seedN."""
        return cell_name(self.plan["label"], self.plan["env"], self.plan["seed"])

    @property
    def state(self) -> str:
        """Its state in a word."""
        if self.run is not None:
            return self.run.status
        if self.broken is not None:
            return "broken"
        if self.reached is not None:
            return "running"
        return "begun" if self.checkpoint is not None else "waiting"

    @property
    def progress(self) -> str:
        """Its progress, if it is running."""
        if self.reached is None:
            return ""
        here = self.reached
        latest = "no evaluation yet" if isnan(here.latest) else f"last return {here.latest:,.1f}"
        return f"{here.env_steps:,} of {self.plan['budget']:,} steps, {latest}, {time.time() - here.at:,.0f} s ago"


def _manifest(results: Path) -> Manifest:
    try:
        return read_manifest(results)
    except (OSError, ValueError) as error:
        raise NotFound(f"{results} is not a results directory: no readable manifest.json ({error})") from error


def read(results: Path, check: Callable[[Path], RunRow] = read_record) -> list[Planned]:
    """Every planned cell; `check`: how its run is read. Raises NotFound."""
    manifest, reached = _manifest(results), _reached(results)
    return [_planned(results, cell, check, reached) for cell in manifest.cells]


def _reached(results: Path) -> dict[str, Reached]:
    """How far running cells are; nothing if their driver was lost."""
    return read_heartbeat(results) if running(results) != NOT_RUNNING else {}


def _planned(
    results: Path, plan: dict[str, Any], check: Callable[[Path], RunRow], reached: dict[str, Reached]
) -> Planned:
    run, broken = None, None
    folder = results / "cells" / plan["run_id"]
    if os.path.lexists(folder):
        try:
            run = check(folder)
        except BrokenCell as error:
            broken = str(error)
    checkpoint = results / "checkpoints" / f"{plan['run_id']}.checkpoint"
    return Planned(plan, run, broken, checkpoint if checkpoint.is_file() else None, reached.get(plan["run_id"]))


def status(results: Path) -> int:
    """A line per rule and environment, what is running now, and what is left. 1 if a cell failed or is broken."""
    cells = read(results)
    rates = seconds_per_step(cell.run for cell in cells if cell.run is not None)
    table = Table(title=f"{results}: {running(results)}")
    for head in (
        "rule",
        "environment",
        "planned",
        "ok",
        "failed",
        "running",
        "begun",
        "waiting",
        "steps left",
        "core time left",
    ):
        table.add_column(head, justify="left" if head in ("rule", "environment") else "right")
    groups: dict[tuple[str, str], list[Planned]] = {}
    for cell in cells:
        groups.setdefault((cell.plan["label"], cell.plan["env"]), []).append(cell)
    for (label, env), members in [*groups.items(), (("all", ""), cells)]:
        states = Counter(cell.state for cell in members)
        open_cells = [cell for cell in members if cell.state in (*OPEN, "broken")]
        seconds = sum(_left(cell) * rate_of(rates, cell.plan["rule"], cell.plan["env"]) for cell in open_cells)
        failed = {state: n for state, n in states.items() if state not in ("ok", *OPEN)}
        failures = ", ".join(f"{n} {state}" for state, n in failed.items()) or "0"
        left = f"{sum(map(_left, open_cells)):,}", "?" if isnan(seconds) else clock(seconds)
        table.add_row(label, env, *map(str, (len(members), states["ok"], failures, *(states[s] for s in OPEN), *left)))
    console = Console()
    (console if console.is_terminal else Console(width=140)).print(table)
    for cell in cells:
        if cell.state == "running":
            print(f"running: {cell.name}, {cell.progress}")
        elif cell.state == "begun" and cell.checkpoint is not None:
            age = time.time() - cell.checkpoint.stat().st_mtime
            print(f"begun: {cell.name}, last checkpoint {age:,.0f} s ago")
    return int(any(cell.state not in ("ok", *OPEN) for cell in cells))


def _left(cell: Planned) -> int:
    """Environment steps still to train; a cell that was begun may need fewer."""
    steps = steps_of(cell.plan["budget"], cell.plan["settings"]["batch_size"])
    return max(steps - (0 if cell.reached is None else cell.reached.env_steps), 0)


def find(results: Path, part: str) -> Planned:
    """The one cell that is meant: by its name, its folder's name, a pattern of names, or a part of either.

    Raises NotFound, naming some that there are.
    """
    cells = read(results)
    pattern = Pattern(part)
    ways: list[Callable[[Planned], bool]] = [
        lambda cell: part in (cell.name, cell.plan["run_id"]),
        lambda cell: pattern.matches(*(cell.plan[key] for key in ("rule", "label", "env", "seed"))),
        lambda cell: part in cell.name or part in cell.plan["run_id"],
    ]
    found = next((chosen for way in ways if (chosen := list(filter(way, cells)))), [])
    if len(found) == 1:
        return _planned(results, found[0].plan, read_run, _reached(results))
    names = [cell.name for cell in found or cells]
    what = f"{len(found)} cells" if found else "no cell"
    some = "\n  ".join(names[:10]) + ("\n  ..." if len(names) > 10 else "")
    raise NotFound(f"{what} in {results} match {part!r}; say which:\n  {some}")


def kept_policy(results: Path, cell: Planned) -> PolicyRow:
    """The last policy of a finished cell. Raises NotFound where it was left out of a compact pack."""
    policies = read_cell(results / "cells" / cell.plan["run_id"]).tables[PolicyRow.table]
    if policies.empty:
        raise NotFound(f"{cell.name} came from a compact pack, which keeps no policy; run the cell again")
    kept: dict[Any, Any] = policies.iloc[-1].to_dict()
    return PolicyRow(**kept)


def show(results: Path, part: str, lines: int) -> int:
    """Print a cell's end, last rows and log. 1 if it is not ok."""
    cell = find(results, part)
    name = cell.plan["run_id"]
    said = cell.run.reason if cell.run else cell.progress
    print(f"{cell.name}: {cell.state}" + (f" ({said})" if said else "") + f"\nfolder: {name}")
    print(json.dumps({key: cell.plan[key] for key in ("env", "rule", "hyper", "seed", "budget", "settings")}, indent=1))
    if cell.broken is not None:
        print(cell.broken)
    if cell.run is not None:
        run = cell.run
        print(f"{run.env_steps:,} steps, {run.updates} updates, {run.total_s:.1f} s, attempt {run.attempts}")
        if run.traceback:
            print(f"\n{run.traceback.rstrip()}")
        tables = read_cell(results / "cells" / name).tables
        for table in ("evaluations", "updates"):
            if len(tables[table]):
                print(f"\nlast of {table}:\n{tables[table].drop(columns='run_id').tail(3).T.to_string()}")
    log = results / "logs" / f"{name}.log"
    if log.is_file() and log.stat().st_size:
        tail = read_regular(log).decode(errors="replace").splitlines()[-lines:]
        print(f"\nlast lines of {log}:", *tail, sep="\n")
    return int(cell.state not in ("ok", *OPEN))


def verify(results: Path) -> int:
    """Verify every checksum and every table. 1 if something is wrong."""
    manifest = _manifest(results)
    cells = read(results, read_run)
    wrong = [] if manifest.whole is not False else [f"{results / 'manifest.json'}: not as it was written"]
    wrong += [f"{cell.name}: {cell.broken}" for cell in cells if cell.broken is not None]
    planned, folder = {cell.plan["run_id"] for cell in cells}, results / "cells"
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    wrong += [f"{path}: nobody planned it" for path in there if path.name not in planned]
    wrong += altered_files(results)
    runs = [cell.run for cell in cells if cell.run is not None]
    if differ := mixed_code(runs, manifest.code):
        wrong.append(f"cells made by different versions of {', '.join(differ)}")
    print("\n".join([*wrong, f"{len(runs)} of {len(cells)} planned cells are there and whole"]))
    if manifest.whole is None:
        print(f"{results / 'manifest.json'} is from before manifests had a checksum: the plan itself is taken as it is")
    return int(bool(wrong) or not _tables_agree(results))


def _tables_agree(results: Path) -> bool:
    """Whether the tables, where there are any, are what the cells give."""
    if not (results / "tables").is_dir():
        return True
    command = [*console.UNSHADOWED, "-m", "analysis.report", str(results), "--check", "--mixed"]
    agree = subprocess.run(command, check=False).returncode == 0
    print("the tables are what the cells give" if agree else "the tables are not what the cells give")
    return agree
