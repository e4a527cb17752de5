"""Look around one policy of a cell: return, surrogate, models and bounds along three directions and on a plane.

    python -m experiments.landscape results/quick trpo/Pendulum-v1/seed0           its last policy
    python -m experiments.landscape results/quick trpo/Cart --at-steps 5000        trained again, so far
    python -m analysis.landscape results/quick/landscapes/CELL                     the figures

CELL is a cell's name or a part of it. Exact where the environment publishes its table (gymnasium's toy-text), from a
batch and from episodes elsewhere. Exit code: 0, or 2 for bad input.
"""

import io
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from math import hypot, isnan
from pathlib import Path
from typing import Any

import torch
import tyro

from experiments import console
from experiments.cell.failures import Diverged, RuleFailed
from experiments.landscape.measure import Options, early_policy, ground_of, look_around
from experiments.management.inspect import NotFound, Planned, find, kept_policy
from experiments.management.specification import specification
from experiments.records import (
    PROTOCOL,
    LandscapeLineRow,
    LandscapePlaneRow,
    LandscapeRow,
    PolicyRow,
    Table,
    cell_name,
    frame,
    write_atomically,
)


@dataclass(frozen=True)
class Arguments(Options):
    results: tyro.conf.Positional[Path]
    """a results directory that run_matrix.py wrote"""
    cell: tyro.conf.Positional[str]
    """a cell's name or a part of it"""
    at_steps: int | None = None
    """take the policy after so many training steps: the cell is trained again that far (default: its last policy)"""
    out: Path | None = None
    """folder (default: landscapes/CELL in the results directory)"""
    allow: tuple[str, ...] = ()
    """files of rules and modules of environments that the cell may run: a manifest alone makes nothing run"""


def main(arguments: Arguments) -> int:
    """The exit code."""
    torch.set_num_threads(1)
    try:
        arguments.check()
        cell = find(arguments.results, arguments.cell)
        spec = specification(cell, arguments.allow)
        at = arguments.at_steps
        policy = last_policy(arguments.results, cell) if at is None else early_policy(spec, at)
        out = arguments.out or arguments.results / "landscapes" / spec.run_id
        with closing(ground_of(spec, policy, arguments)) as ground:
            common, lines, plane = look_around(spec, policy, ground, arguments)
        report(common, lines)
        write(out, common, lines, plane)
    except (NotFound, ValueError, OSError, Diverged, RuleFailed) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{out}: draw it with python -m analysis.landscape {out}")
    return 0


def last_policy(results: Path, cell: Planned) -> PolicyRow:
    """The policy that a finished cell ended with. Raises NotFound."""
    if cell.run is None or cell.run.status != "ok":
        raise NotFound(
            f"{cell.name} ({cell.state}) has no last policy; only a cell that ended ok keeps one. Name an "
            "earlier policy with --at-steps"
        )
    return kept_policy(results, cell)


def report(common: LandscapeRow, lines: Sequence[LandscapeLineRow]) -> None:
    """What is known of the policy itself."""
    here = next(row.return_mean for row in lines if row.t == 0)
    bound = "" if isnan(common.penalty) else f", C {common.penalty:.3g}"
    print(
        f"{cell_name(common.label, common.env, common.seed)} after {common.env_steps:,} steps: discounted return "
        f"{here:.4g}, beta {common.beta:.3g}{bound}\nsteps to the radius: gradient |d| {common.ball:.3g}, natural "
        f"{hypot(common.natural_x, common.natural_y):.3g} (residual {common.cg_residual:.1e})",
        flush=True,
    )


def write(
    folder: Path, common: LandscapeRow, lines: Sequence[LandscapeLineRow], plane: Sequence[LandscapePlaneRow]
) -> None:
    """landscape.parquet (one row), lines.parquet and plane.parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    tables: list[tuple[type[Table], Sequence[Any]]] = [
        (LandscapePlaneRow, plane),
        (LandscapeLineRow, lines),
        (LandscapeRow, [common]),
    ]
    for kind, rows in tables:
        sink = io.BytesIO()
        frame(kind, list(rows)).assign(protocol=PROTOCOL).to_parquet(sink, index=False, compression="zstd")
        write_atomically(folder / f"{kind.table}.parquet", sink.getvalue())


if __name__ == "__main__":
    sys.exit(console.run(main, Arguments, __doc__))
