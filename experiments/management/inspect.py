"""Reading a results directory. Nothing is written, no lock is taken: a matrix may be running in it."""

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.console import Console
from rich.table import Table

from experiments.estimate import seconds_per_step
from experiments.records import BrokenCell, RunRow, read_cell, read_manifest, read_run


class NotFound(Exception):
    """There is no such directory or cell; the message says what there is."""


@dataclass(frozen=True)
class Planned:
    """A planned cell and what there is of it."""

    plan: dict[str, Any]
    run: RunRow | None
    broken: str | None
    checkpoint: Path | None

    @property
    def state(self) -> str:
        """A word for it."""
        if self.run is not None:
            return self.run.status
        if self.broken is not None:
            return "broken"
        return "begun" if self.checkpoint is not None else "waiting"


def read(results: Path) -> list[Planned]:
    """Every planned cell. Raises NotFound."""
    try:
        plan = read_manifest(results).cells
    except (OSError, ValueError) as error:
        raise NotFound(f"{results} is not a results directory: no readable manifest.json ({error})") from error
    return [_planned(results, cell) for cell in plan]


def _planned(results: Path, plan: dict[str, Any]) -> Planned:
    run, broken = None, None
    folder = results / "cells" / plan["run_id"]
    if folder.exists():
        try:
            run = read_run(folder)
        except BrokenCell as error:
            broken = str(error)
    checkpoint = results / "checkpoints" / f"{plan['run_id']}.checkpoint"
    return Planned(plan, run, broken, checkpoint if checkpoint.is_file() else None)


def status(results: Path) -> int:
    """A line per rule and environment, what is running now, and what is left. 1 if a cell failed or is broken."""
    cells = read(results)
    rates = seconds_per_step(cell.run for cell in cells if cell.run is not None)
    table = Table(title=f"{results}: {_running(results)}")
    for head in ("rule", "environment", "planned", "ok", "failed", "begun", "waiting", "steps left", "hours left"):
        table.add_column(head, justify="left" if head in ("rule", "environment") else "right")
    groups: dict[tuple[str, str], list[Planned]] = {}
    for cell in cells:
        groups.setdefault((cell.plan["label"], cell.plan["env"]), []).append(cell)
    for (label, env), members in [*groups.items(), (("all", ""), cells)]:
        states = Counter(cell.state for cell in members)
        open_cells = [cell for cell in members if cell.state in ("begun", "waiting", "broken")]
        hours = sum(cell.plan["budget"] * _rate(cell, rates) for cell in open_cells) / 3600
        failed = {state: n for state, n in states.items() if state not in ("ok", "begun", "waiting")}
        failures = ", ".join(f"{n} {state}" for state, n in failed.items()) or "0"
        steps = sum(cell.plan["budget"] for cell in open_cells)
        left = f"{hours:.2f}" if hours == hours else "?"
        numbers = (len(members), states["ok"], failures, states["begun"], states["waiting"], f"{steps:,}", left)
        table.add_row(label, env, *map(str, numbers))
    console = Console()
    (console if console.is_terminal else Console(width=140)).print(table)
    for cell in cells:
        if cell.checkpoint is not None and cell.run is None:
            age = time.time() - cell.checkpoint.stat().st_mtime
            print(f"begun: {cell.plan['run_id']}, last checkpoint {age:,.0f} s ago")
    return int(any(cell.state not in ("ok", "begun", "waiting") for cell in cells))


def _rate(cell: Planned, rates: dict[tuple[str, str], float]) -> float:
    plan = cell.plan
    return rates.get((plan["rule"], plan["env"]), rates.get(("", plan["env"]), float("nan")))


def _running(results: Path) -> str:
    lock, owner = results / ".lock", results / ".owner"
    if not lock.exists():
        return "not running"
    try:
        with FileLock(lock, timeout=0):
            return "not running"
    except Timeout:
        return f"running ({owner.read_text() if owner.exists() else 'by another process'})"


def find(results: Path, part: str) -> Planned:
    """The one cell whose name is `part` or holds it. Raises NotFound, naming some that there are."""
    cells = read(results)
    exact = [cell for cell in cells if cell.plan["run_id"] == part]
    found = exact or [cell for cell in cells if part in cell.plan["run_id"]]
    if len(found) == 1:
        return found[0]
    names = [cell.plan["run_id"] for cell in found or cells]
    what = f"{len(found)} cells" if found else "no cell"
    some = "\n  ".join(names[:10]) + ("\n  ..." if len(names) > 10 else "")
    raise NotFound(f"{what} in {results} match {part!r}; say which:\n  {some}")


def show(results: Path, part: str, lines: int) -> int:
    """What became of a cell. 1 if it is not ok."""
    cell = find(results, part)
    name = cell.plan["run_id"]
    print(f"{name}: {cell.state}" + (f" ({cell.run.reason})" if cell.run and cell.run.reason else ""))
    print(json.dumps({key: cell.plan[key] for key in ("env", "rule", "hyper", "seed", "budget", "settings")}, indent=1))
    if cell.broken is not None:
        print(cell.broken)
    if cell.run is not None:
        run = cell.run
        print(f"{run.env_steps:,} steps, {run.updates} updates, {run.total_s:.1f} s, attempt {run.attempts}")
        tables = read_cell(results / "cells" / name).tables
        for table in ("evaluations", "updates"):
            if len(tables[table]):
                print(f"\nlast of {table}:\n{tables[table].drop(columns='run_id').tail(3).T.to_string()}")
    log = results / "logs" / f"{name}.log"
    if log.is_file() and log.stat().st_size:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        print(f"\nlast lines of {log}:", *tail, sep="\n")
    return int(cell.state not in ("ok", "begun", "waiting"))


def verify(results: Path) -> int:
    """Every checksum, and every table. 1 if one is wrong."""
    cells = read(results)
    wrong = [cell.broken for cell in cells if cell.broken is not None]
    planned = {cell.plan["run_id"] for cell in cells}
    wrong += [
        f"{path}: nobody planned it" for path in sorted((results / "cells").iterdir()) if path.name not in planned
    ]
    done = sum(cell.run is not None for cell in cells)
    print("\n".join([*wrong, f"{done} of {len(cells)} planned cells are there and whole"]))
    if (results / "tables").is_dir():
        command = [sys.executable, "-m", "analysis.report", str(results), "--check", "--mixed"]
        tables = subprocess.run(command, check=False).returncode
        print("the tables are what the cells give" if tables == 0 else "the tables are not what the cells give")
        return int(bool(wrong) or tables != 0)
    return int(bool(wrong))
