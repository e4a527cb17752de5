"""Hand one batch to every rule, early, in the middle and late in a run, and measure what each new policy is worth.

    python experiments/run_forks.py trpo HalfCheetah-v5                      every rule, three stages, five seeds
    python experiments/run_forks.py trpo FrozenLake-v1 --steps 0 10_000      returns are exact on tabular problems
    python experiments/run_forks.py trpo Hopper-v5 --rules npg my.py:my_pg   some rules, one of them from a file
    python experiments/run_forks.py trpo Hopper-v5 --matrix mine.toml        rules, sweeps and settings of a matrix

A rule trains (the trunk) up to each stage; what a rule makes of its next batch is a fork. Every stage and every fork is
stored as it is done, so the same command goes on where it was interrupted. Started several times at once, each process
takes seeds that no other has. Exit code: 0 all forks ok, 1 some failed, 2 bad input or a full disk, 130 interrupted.
"""

import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

try:
    from experiments import console
except ModuleNotFoundError as missing:  # this python is not that of the project's environment
    sys.exit(f"{missing} for {sys.executable}; activate the project's environment first: . .venv/bin/activate")

import tyro

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.forks.store import StageFile
    from experiments.spec import RunSpec


@dataclass(frozen=True)
class Arguments:
    trunk: tyro.conf.Positional[str]
    """the rule that trains; with --matrix its label there"""
    env: tyro.conf.Positional[str]
    """any environment that gymnasium has registered; with --matrix one of its own"""
    steps: tuple[int, ...] = (20_000, 100_000, 300_000)
    """environment steps of the stages, rounded up to whole batches"""
    rules: tuple[str, ...] = ()
    """labels that get the batch, with * as a wildcard, or FILE.py:FUNCTION (default: every rule)"""
    matrix: str | None = None
    """a shipped matrix or a TOML file whose rules, hyper-parameters and settings stand for the defaults"""
    seeds: int = 5
    """trunks, of seeds 0..N-1; the trunk is the unit of every interval"""
    episodes: int = 64
    """episodes that each policy is judged by, where its return is not known exactly"""
    out: Path = Path("results/forks")
    """results directory; several trunks and environments fit into one"""
    report: bool = True
    """make tables and figures at the end; --no-report leaves that to python -m analysis.forks"""


def main(arguments: Arguments) -> int:
    """The exit code."""
    if arguments.seeds < 1 or arguments.episodes < 2 or not arguments.steps or min(arguments.steps) < 0:
        print(
            "expected --seeds of at least 1, --episodes of at least 2 and --steps of at least 0, got --seeds "
            f"{arguments.seeds} --episodes {arguments.episodes} --steps {' '.join(map(str, arguments.steps))}",
            file=sys.stderr,
        )
        return 2
    from experiments.forks.plan import ForksError  # slow imports wait until --help has been served
    from experiments.matrix_file import MatrixError

    try:
        failed = make_forks(arguments)
    except KeyboardInterrupt:
        print(f"\nfinished forks are in {arguments.out}; the same command goes on with the rest", file=sys.stderr)
        return 130
    except (ForksError, MatrixError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    if not arguments.report:
        return int(failed)
    report = subprocess.run([*console.UNSHADOWED, "-m", "analysis.forks", str(arguments.out)], check=False)
    return int(failed or report.returncode != 0)


def make_forks(arguments: Arguments) -> bool:
    """Make every fork that is not there yet; whether one failed, or a trunk. Raises ForksError and MatrixError."""
    import torch
    from filelock import FileLock, Timeout
    from rich.console import Console
    from rich.progress import Progress

    from experiments.forks.plan import ForksError, plan
    from experiments.forks.stage import stage_steps
    from experiments.forks.store import StageFile

    torch.set_num_threads(1)
    trunks, entries = plan(arguments.trunk, arguments.env, arguments.rules, arguments.matrix, arguments.seeds)
    steps = stage_steps(arguments.steps, trunks[0].settings.batch_size)
    made, stages = arguments.out / "forks", arguments.out / "stages"
    for folder in (made, stages):
        folder.mkdir(parents=True, exist_ok=True)
    files = {
        trunk.seed: {
            at: StageFile(made / f"{trunk.run_id}-{at}.parquet", trunk, tuple(entries), arguments.episodes)
            for at in steps
        }
        for trunk in trunks
    }
    waiting = sum(len(file.missing()) for mine in files.values() for file in mine.values())  # refuses what does not fit
    print(f"{len(trunks) * len(steps) * len(entries)} forks, {waiting} to do; results in {arguments.out}", flush=True)
    failed, console = False, Console()
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"{arguments.trunk}/{arguments.env}", total=waiting)
        for trunk in trunks:
            mine = files[trunk.seed]

            def say(line: str, name: str = trunk.name) -> None:
                console.print(f"{name} {line}", markup=False, highlight=False, soft_wrap=True)

            try:
                with FileLock(stages / f".{trunk.run_id}.lock", timeout=0):
                    fork_trunk(trunk, mine, stages, say, lambda: progress.advance(task))
            except Timeout:
                say("is left to the process that is at it")
            except (ForksError, OSError):
                raise
            except Exception as error:  # what ends one trunk does not end the others
                failed = True
                say(f"ended, its later stages are missing: {type(error).__name__}: {error}")
            failed = failed or any(row.status != "ok" for file in mine.values() for row in file.rows())
    return failed


def fork_trunk(
    trunk: "RunSpec",
    files: "dict[int, StageFile]",
    stages: Path,
    say: "Callable[[str], None]",
    advance: "Callable[[], None]",
) -> None:
    """Make the missing forks of every stage of one trunk; `files` by environment steps. Raises what training raises."""
    from experiments.forks import Forks, reach

    for stage in reach(trunk, [at for at, file in files.items() if file.missing()], stages):
        file = files[stage.env_steps]
        with closing(Forks(trunk, stage, file.episodes)) as forks:
            for entry in file.missing():
                file.add(forks.fork(entry))
                advance()
        say(f"at {stage.env_steps:,} steps: {file.summary()}")


if __name__ == "__main__":
    sys.exit(console.run(main, Arguments, __doc__))
