"""Run a matrix of experiments: every rule on every environment with every seed.

    python experiments/run_matrix.py quick                       a shipped matrix
    python experiments/run_matrix.py my.toml --seeds 10          one of your own, ten seeds
    python experiments/run_matrix.py main --only trpo/Hopper-v5  some of its cells

Finished cells are skipped and unfinished ones go on from their last checkpoint, so the same command goes on where it
was interrupted. Exit code: 0 all cells ok, 1 some failed, 2 bad input (nothing was run), 75 more to do (--max-hours),
130 or 143 interrupted.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from experiments.engines import Engine
    from experiments.spec import RunSpec
    from experiments.store import Store

MORE_TO_DO = 75  # EX_TEMPFAIL of sysexits.h: try again later


@dataclass(frozen=True)
class Arguments:
    matrix: tyro.conf.Positional[str]
    """a shipped matrix (quick, main) or the path of a TOML file"""
    seeds: int | None = None
    """run seeds 0..N-1 instead of the file's"""
    jobs: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: the number of cores)")] = os.cpu_count() or 1
    """cells that run side by side, one core each"""
    out: Path | None = None
    """results directory (default: results/<matrix name>)"""
    only: str | None = None
    """run the cells that match RULE/ENV, with * as a wildcard, such as trpo/* or */Hopper-v5; the plan stays whole"""
    dry_run: bool = False
    """list the cells and what they cost, run nothing, write nothing"""
    lane: Literal["throughput", "timing"] = "throughput"
    """timing: one cell at a time on one core, rules shuffled within each seed, so that seconds can be compared"""
    max_hours: float | None = None
    """stop at the checkpoints that follow this time, with exit code 75"""
    memory_gib: float | None = None
    """address space that one cell may use (torch alone reserves about 4)"""
    silence_minutes: float = 30.0
    """a cell without a row for so long is stopped as hung"""
    retry_failed: bool = False
    """run the cells again that ended diverged or with an error; what they left goes to the quarantine"""
    until_decided: bool = False
    """5, 10, 15, 20 seeds, until every comparison that the file declares ([compare]) has a verdict"""
    mixed: bool = False
    """accept finished cells that other code or library versions made; tables will say so"""
    report: bool = True
    """make tables and figures at the end; --no-report leaves that to analysis/report.py"""
    scheduler: str | None = None
    """address of a Dask scheduler (tcp://... or tls://...) whose workers run the cells"""
    scheduler_file: Path | None = None
    """the same, from the file that `dask scheduler --scheduler-file` wrote"""


def main(arguments: Arguments) -> int:
    """The exit code."""
    if problem := _problem(arguments):
        return _refuse(problem)
    from experiments.engines import EngineError
    from experiments.matrix_file import MatrixError, load_matrix  # slow imports wait until flags are known to be good
    from experiments.store import Store, StoreError

    try:
        matrix = load_matrix(arguments.matrix, arguments.seeds)
    except MatrixError as error:
        return _refuse(str(error))
    if arguments.until_decided and matrix.compare is None:
        return _refuse(f"{matrix.file} declares no comparison; add [compare] with rules = [[A, B], ...]")
    chosen = [cell for cell in matrix.cells if _matches(arguments.only, cell.rule, cell.label, cell.env)]
    if not chosen:
        names = sorted({f"{cell.label}/{cell.env}" for cell in matrix.cells})
        return _refuse(f"--only {arguments.only} matches no cell; this matrix has {', '.join(names)}")
    out = arguments.out or Path("results") / matrix.name
    for note in matrix.notes:
        print(note, file=sys.stderr)
    if arguments.dry_run:
        from experiments.estimate import describe

        print(describe(chosen, out, arguments.jobs))
        return 0
    try:
        with Store(out) as store:
            if arguments.until_decided:
                from experiments.until_decided import run_until_decided

                code, _ = run_until_decided(
                    store, lambda n: load_matrix(arguments.matrix, n), lambda cells: run_cells(store, cells, arguments)
                )
            else:
                store.plan(matrix)
                code = run_cells(store, chosen, arguments)
    except (StoreError, EngineError, OSError) as error:
        return _refuse(str(error))
    if code >= MORE_TO_DO:
        print(f"\nfinished cells and checkpoints are in {out}; the same command goes on with the rest", file=sys.stderr)
        return code
    if not arguments.report:
        return code
    mixed = ["--mixed"] if arguments.mixed else []
    if arguments.lane == "throughput" and arguments.jobs > 1:
        print("seconds of this throughput run compare roughly; a table of seconds wants --lane timing")
    report = subprocess.run([sys.executable, "-m", "analysis.report", str(out), *mixed], check=False)
    return 1 if code or report.returncode else 0


def run_cells(store: "Store", cells: "list[RunSpec]", arguments: Arguments) -> int:
    """Run what is not finished, write each cell as it ends; the exit code.

    Raises StoreError if finished cells were made by other code.
    """
    from experiments.engines import Ended
    from experiments.progress import show_progress
    from experiments.store import StoreError

    found = store.look(cells)
    for line in found.set_aside:
        print(line)
    if found.other_code and not arguments.mixed:
        raise StoreError(
            f"{len(found.other_code)} finished cells in {store.root} were made by other code or library versions "
            f"({found.other_code[0]}...); use --out DIR for a fresh start, or --mixed to put both into one table"
        )
    finished = dict(found.finished)
    if arguments.retry_failed:
        for run_id in [run_id for run_id, run in finished.items() if run.status != "ok"]:
            store.forget(run_id)
            del finished[run_id]
    failed = sum(run.status != "ok" for run in finished.values())
    waiting = [cell for cell in cells if cell.run_id not in finished]
    print(f"{len(cells)} cells, {len(finished)} already finished; results in {store.root}", flush=True)
    if not waiting:
        return int(failed > 0)
    if arguments.lane == "timing":
        waiting = in_random_blocks(waiting)
    paused = 0
    engine = _engine(store, arguments)
    try:
        with stopping(engine, arguments.max_hours) as stop, show_progress(len(cells), len(finished)) as progress:
            engine.submit(waiting)
            for event in engine.events():
                if isinstance(event, Ended):
                    if event.run.status == "paused":
                        paused += 1
                    else:
                        store.write(event.spec, event.run, event.rows, event.log)
                        failed += event.run.status != "ok"
                progress.take(event)
    except KeyboardInterrupt:
        return stop.code
    finally:
        engine.close()
    return stop.code if paused and stop.code else int(failed > 0)


class Stopping:
    """Why a matrix is being stopped; the exit code says it."""

    code = 0


@contextmanager
def stopping(engine: "Engine", max_hours: float | None) -> Iterator[Stopping]:
    """The first Ctrl-C or SIGTERM, or the end of `max_hours`, pauses the engine; a second signal stops at once."""
    stop = Stopping()

    def on_signal(signum: int, frame: object) -> None:
        again, stop.code = stop.code > MORE_TO_DO, 128 + signum
        if again:
            raise KeyboardInterrupt
        print("\nstopping: running cells go on to their next checkpoint; once more to stop at once", file=sys.stderr)
        engine.pause()

    def on_time() -> None:
        stop.code = MORE_TO_DO
        engine.pause()

    timer = None if max_hours is None else threading.Timer(max_hours * 3600, on_time)
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield stop
    finally:
        if timer is not None:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def in_random_blocks(cells: "list[RunSpec]") -> "list[RunSpec]":
    """Seed by seed and environment by environment, the rules within each in random order (always the same one)."""
    import numpy as np

    generator = np.random.default_rng(0)
    blocks: dict[tuple[int, str], list[RunSpec]] = {}
    for cell in sorted(cells, key=lambda cell: cell.run_id):
        blocks.setdefault((cell.seed, cell.env), []).append(cell)
    return [block[i] for _, block in sorted(blocks.items()) for i in generator.permutation(len(block))]


def _engine(store: "Store", arguments: Arguments) -> "Engine":
    from experiments.engines import Conditions
    from experiments.engines.cluster import DaskEngine

    conditions = Conditions(
        jobs=1 if arguments.lane == "timing" else arguments.jobs,
        lane=arguments.lane,
        silence_s=60 * arguments.silence_minutes,
        memory_gib=arguments.memory_gib,
        logs=str(store.logs.resolve()),
        checkpoints=str(store.checkpoints.resolve()),
    )
    return DaskEngine(conditions, arguments.scheduler, arguments.scheduler_file)


def _problem(arguments: Arguments) -> str | None:
    """What is wrong with the flags, if anything."""
    if arguments.jobs < 1 or (arguments.seeds is not None and arguments.seeds < 1):
        return f"--jobs and --seeds must be at least 1, got --jobs {arguments.jobs} --seeds {arguments.seeds}"
    if arguments.until_decided and (arguments.seeds is not None or arguments.only is not None):
        return "--until-decided chooses seeds and cells itself; leave --seeds and --only out"
    for name in ("max_hours", "memory_gib", "silence_minutes"):
        value = getattr(arguments, name)
        if value is not None and not value > 0:
            return f"--{name.replace('_', '-')} must be positive, got {value}"
    if arguments.scheduler is not None and arguments.scheduler_file is not None:
        return "--scheduler and --scheduler-file name the same thing; give one of them"
    if arguments.scheduler_file is not None and not arguments.scheduler_file.is_file():
        return f"{arguments.scheduler_file} does not exist; start one with: dask scheduler --scheduler-file FILE"
    if arguments.lane == "timing" and (arguments.scheduler or arguments.scheduler_file):
        return "--lane timing runs one cell at a time on this machine; leave --scheduler out"
    return None


def _matches(only: str | None, rule: str, label: str, env: str) -> bool:
    if only is None:
        return True
    wanted_rule, _, wanted_env = only.partition("/")
    return fnmatch(env, wanted_env or "*") and (fnmatch(label, wanted_rule) or fnmatch(rule, wanted_rule))


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
