"""Reading a results directory. Nothing is written, no lock is taken: a matrix may be running in it."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.estimate import seconds_per_step
from experiments.owner import running
from experiments.records import (
    BrokenCell,
    Manifest,
    RunRow,
    altered_files,
    mixed_code,
    read_cell,
    read_manifest,
    read_record,
    read_regular,
    read_run,
)


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


def _manifest(results: Path) -> Manifest:
    try:
        return read_manifest(results)
    except (OSError, ValueError) as error:
        raise NotFound(f"{results} is not a results directory: no readable manifest.json ({error})") from error


def read(results: Path, check: Callable[[Path], RunRow] = read_record) -> list[Planned]:
    """Every planned cell; `check`: how its run is read. Raises NotFound."""
    return [_planned(results, cell, check) for cell in _manifest(results).cells]


def _planned(results: Path, plan: dict[str, Any], check: Callable[[Path], RunRow]) -> Planned:
    run, broken = None, None
    folder = results / "cells" / plan["run_id"]
    if os.path.lexists(folder):
        try:
            run = check(folder)
        except BrokenCell as error:
            broken = str(error)
    checkpoint = results / "checkpoints" / f"{plan['run_id']}.checkpoint"
    return Planned(plan, run, broken, checkpoint if checkpoint.is_file() else None)


def status(results: Path) -> int:
    """A line per rule and environment, what is running now, and what is left. 1 if a cell failed or is broken."""
    cells = read(results)
    rates = seconds_per_step(cell.run for cell in cells if cell.run is not None)
    table = Table(title=f"{results}: {running(results)}")
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


def find(results: Path, part: str) -> Planned:
    """The one cell whose name is `part` or holds it. Raises NotFound, naming some that there are."""
    cells = read(results)
    exact = [cell for cell in cells if cell.plan["run_id"] == part]
    found = exact or [cell for cell in cells if part in cell.plan["run_id"]]
    if len(found) == 1:
        return _planned(results, found[0].plan, read_run)
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
    return int(cell.state not in ("ok", "begun", "waiting"))


def verify(results: Path) -> int:
    """Every checksum, and every table. 1 if something is wrong."""
    manifest = _manifest(results)
    cells = read(results, read_run)
    wrong = [] if manifest.whole is not False else [f"{results / 'manifest.json'}: not as it was written"]
    wrong += [cell.broken for cell in cells if cell.broken is not None]
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
    command = [sys.executable, "-m", "analysis.report", str(results), "--check", "--mixed"]
    agree = subprocess.run(command, check=False).returncode == 0
    print("the tables are what the cells give" if agree else "the tables are not what the cells give")
    return agree
