"""Look into a results directory, and after its health.

    policy-ascent status results/quick                        what is done, running, failed, and left
    policy-ascent show results/quick trpo/Pendulum-v1/seed0   one cell: its end, its last rows, its log
    policy-ascent verify results/quick                        checksums of all cells, and the tables again
    policy-ascent render results/quick trpo/HalfCheetah-v5/seed0 --out cheetah.mp4
    policy-ascent export results/quick --to tensorboard
    policy-ascent pack results/quick quick.pack               its finished cells in one file
    policy-ascent unpack quick.pack results/quick             and back, to go on from there
    policy-ascent doctor                                      what this machine has and lacks

`python experiments/manage_results.py` is the same. CELL is a cell's name (RULE/ENVIRONMENT/seedN), with * as a
wildcard, or a part of it. Exit code: 0, 1 if something is wrong with the results, 2 for bad input.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

try:
    from experiments import console
except ModuleNotFoundError as missing:  # this python is not that of the project's environment
    sys.exit(f"{missing} for {sys.executable}; activate the project's environment first: . .venv/bin/activate")

import tyro


@dataclass(frozen=True)
class Status:
    """What is done, running, failed, and left."""

    results: tyro.conf.Positional[Path]


@dataclass(frozen=True)
class Show:
    """One cell: its end, its last rows, its log."""

    results: tyro.conf.Positional[Path]
    cell: tyro.conf.Positional[str]
    """its name, such as trpo/Hopper-v5/seed0, or a part of it"""
    lines: int = 20
    """of its log"""


@dataclass(frozen=True)
class Verify:
    """Checksums of all cells, and whether the tables are what the cells give."""

    results: tyro.conf.Positional[Path]


@dataclass(frozen=True)
class Render:
    """A video of the last policy of a cell, with mean actions."""

    results: tyro.conf.Positional[Path]
    cell: tyro.conf.Positional[str]
    """its name, such as trpo/Hopper-v5/seed0, or a part of it"""
    out: Path | None = None
    """the file, whose suffix is the format: .webp, .gif or .mp4 (default: CELL.webp in the results directory)"""
    steps: int = 300
    """of the environment at most"""
    seed: int = 0
    """of the episode"""
    allow: tuple[str, ...] = ()
    """files of rules and modules of environments that the cell may run: a manifest alone makes nothing run"""


@dataclass(frozen=True)
class Export:
    """The curves of all finished cells for TensorBoard, or for Weights & Biases (offline)."""

    results: tyro.conf.Positional[Path]
    to: Literal["tensorboard", "wandb"]
    """the tracker; each needs the extra of its name"""
    out: Path | None = None
    """folder (default: the tracker's name in the results directory)"""


@dataclass(frozen=True)
class Pack:
    """The plan and the finished cells in one file, to keep or to commit."""

    results: tyro.conf.Positional[Path]
    file: tyro.conf.Positional[Path]
    compact: bool = False
    """runs and evaluations whole, numbers of updates rounded, no policies: some 15 KB a cell of 500 updates"""


@dataclass(frozen=True)
class Unpack:
    """The directory that a file was packed from; the command that made it goes on with what is missing."""

    file: tyro.conf.Positional[Path]
    results: tyro.conf.Positional[Path]


@dataclass(frozen=True)
class Doctor:
    """What this machine has and lacks."""

    results: Path = Path("results")
    """where results are to go"""


Command = (
    Annotated[Status, tyro.conf.subcommand("status")]
    | Annotated[Show, tyro.conf.subcommand("show")]
    | Annotated[Verify, tyro.conf.subcommand("verify")]
    | Annotated[Render, tyro.conf.subcommand("render")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Pack, tyro.conf.subcommand("pack")]
    | Annotated[Unpack, tyro.conf.subcommand("unpack")]
    | Annotated[Doctor, tyro.conf.subcommand("doctor")]
)


def main(command: Command) -> int:
    """The exit code."""
    from experiments.management import (
        inspect,  # imports wait until --help has been served, slow ones for who needs them
    )
    from experiments.records import BrokenCell

    try:
        match command:
            case Status():
                return inspect.status(command.results)
            case Show():
                return inspect.show(command.results, command.cell, command.lines)
            case Verify():
                return inspect.verify(command.results)
            case Render():
                from experiments.management import render

                return render.render(
                    command.results, command.cell, command.out, command.steps, command.seed, command.allow
                )
            case Export():
                from experiments.management import export

                return export.export(command.results, command.to, command.out)
            case Pack():
                from experiments.management import packs

                return packs.pack(command.results, command.file, command.compact)
            case Unpack():
                from experiments.management import packs

                return packs.unpack_results(command.file, command.results)
            case Doctor():
                from experiments.management import doctor

                return doctor.examine(command.results)
    except (inspect.NotFound, BrokenCell, OSError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(console.run(main, Command, __doc__))
