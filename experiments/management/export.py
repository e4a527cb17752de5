"""Exports a matrix's curves to experiment trackers."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from experiments.management.inspect import NotFound, read
from experiments.records import EXTRA, Cell, read_cell

CHARTED = (
    "train_return",
    "kl",
    "max_kl",
    "surrogate_gain",
    "agreement",
    "entropy",
    "explained_variance",
    "ess",
    "radius",
)


class Tracker(Protocol):
    """One run of a tracker."""

    def log(self, step: int, values: dict[str, float]) -> None: ...
    def close(self) -> None: ...


def export(results: Path, kind: str, out: Path | None) -> int:
    """Write every finished cell to the tracker. Raises NotFound if its package is not installed or nothing is done."""
    begin = TRACKERS[kind]
    target = out or results / kind
    done = [cell.plan | {"protocol": cell.run.protocol} for cell in read(results) if cell.run is not None]
    if not done:
        raise NotFound(f"{results} has no finished cell yet")
    for plan in done:
        tracker = begin(target, plan)
        for step, values in points(read_cell(results / "cells" / plan["run_id"])):
            tracker.log(step, values)
        tracker.close()
    print(f"{len(done)} runs in {target}")
    return 0


def points(cell: Cell) -> Iterator[tuple[int, dict[str, float]]]:
    """(environment steps, name -> value) in the order of steps; what is not defined for a rule is left out."""
    merged: dict[int, dict[str, float]] = {}
    charted = [*CHARTED, *(name for name in map(str, cell.tables["updates"].columns) if name.startswith(EXTRA))]
    for row in cell.tables["updates"].to_dict("records"):
        at = merged.setdefault(int(row["env_steps"]), {})
        at |= {f"train/{name}": float(row[name]) for name in charted if row[name] == row[name]}
    for row in cell.tables["evaluations"].to_dict("records"):
        kind = "final" if row["final"] else "evaluation"
        at = merged.setdefault(int(row["env_steps"]), {})
        at[f"{kind}/{row['action']}"] = float(row["return_mean"])
        said = {name: row[name] for name in row if str(name).startswith(EXTRA) and row[name] == row[name]}
        at |= {f"{kind}/{row['action']}/{name}": float(value) for name, value in said.items()}
    yield from sorted(merged.items())


def tensorboard(target: Path, plan: dict[str, Any]) -> Tracker:
    """A folder of event files per run, there whole or not at all, in the place of what was exported before."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise NotFound(f"tensorboard is not installed: pip install 'policy-ascent[tensorboard]' ({error})") from error
    place, staged = target / plan["run_id"], target / f".{plan['run_id']}.tmp"
    shutil.rmtree(staged, ignore_errors=True)
    writer = SummaryWriter(str(staged))
    writer.add_text("specification", json.dumps(plan, indent=1))

    class Writer:
        def log(self, step: int, values: dict[str, float]) -> None:
            for name, value in values.items():
                writer.add_scalar(name, value, step)

        def close(self) -> None:
            writer.close()
            shutil.rmtree(place, ignore_errors=True)
            os.replace(staged, place)

    return Writer()


def wandb(target: Path, plan: dict[str, Any]) -> Tracker:
    """An offline run; `wandb sync` uploads it."""
    try:
        import wandb as package
    except ImportError as error:
        raise NotFound(f"wandb is not installed: pip install 'policy-ascent[wandb]' ({error})") from error
    target.mkdir(parents=True, exist_ok=True)
    run = package.init(
        project="policy-ascent",
        name=plan["run_id"],
        group=f"{plan['label']}/{plan['env']}",
        config=plan,
        dir=str(target),
        mode="offline",
        settings=package.Settings(silent=True),
    )

    class Writer:
        def log(self, step: int, values: dict[str, float]) -> None:
            run.log(values, step=step)

        def close(self) -> None:
            run.finish()

    return Writer()


TRACKERS: dict[str, Callable[[Path, dict[str, Any]], Tracker]] = {"tensorboard": tensorboard, "wandb": wandb}
