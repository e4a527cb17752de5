"""Run a matrix of experiments: every rule on every environment with every seed.

    python experiments/run_matrix.py quick                       a shipped matrix
    python experiments/run_matrix.py my.toml --seeds 10          one of your own, ten seeds
    python experiments/run_matrix.py my.toml --against quick     its rules alone, beside stored runs of a reference
    python experiments/run_matrix.py mujoco --only trpo/Ant-v5   some of its cells

Finished cells are skipped and unfinished ones go on from their last checkpoint, so the same command goes on where it
was interrupted. Exit code: 0 every cell asked for is stored and ok, 1 all are stored and some failed, 2 bad input
(nothing was run); cells are missing because: 69 the scheduler has gone, 74 the disk is full or fails, 75 more to do
(--max-hours, or a cell was stopped), 128 + n signal n (130 Ctrl-C, 143 SIGTERM, 129 the terminal was closed, 141 the
pipe that it printed into).
"""

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

try:
    from experiments import console
except ModuleNotFoundError as missing:  # this python is not that of the project's environment
    sys.exit(f"{missing} for {sys.executable}; activate the project's environment first: . .venv/bin/activate")

from experiments.exit_codes import IO_ERROR, NOTHING_RUN, SIGNALLED, UNAVAILABLE, exit_code
from experiments.stopping import Output, leave_quietly_on_interrupt, stopping, surviving_output

if TYPE_CHECKING:  # slow imports wait until flags are known to be good
    from experiments.arguments import Arguments
    from experiments.engines import Ended, Engine
    from experiments.matrix_file import Matrix
    from experiments.spec import RunSpec
    from experiments.store import Store


def main(arguments: "Arguments") -> int:
    """The exit code."""
    from experiments.arguments import problem

    if found := problem(arguments):
        return _refuse(found)
    from experiments.against import load_against
    from experiments.matrix_file import MatrixError, load_matrix
    from experiments.names import Pattern

    try:
        if arguments.against:
            matrix = load_against(arguments.matrix, arguments.against, arguments.seeds, arguments.mixed)
        else:
            matrix = load_matrix(arguments.matrix, arguments.seeds)
    except MatrixError as error:
        return _refuse(str(error))
    if arguments.until_decided and matrix.compare is None:
        return _refuse(f"{matrix.file} declares no comparison; add [compare] with rules = [[A, B], ...]")
    wanted = Pattern(arguments.only or "*")
    chosen = [cell for cell in matrix.cells if wanted.matches(cell.rule, cell.label, cell.env, cell.seed)]
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
    with surviving_output() as output:
        code = run_matrix(matrix, chosen, out, arguments, output)
        if code >= UNAVAILABLE:
            print(
                f"\nfinished cells and checkpoints are in {out}; the same command goes on with the rest",
                file=sys.stderr,
            )
        return report(out, matrix, arguments, code) if code < NOTHING_RUN and arguments.report else code


def run_matrix(matrix: "Matrix", chosen: "list[RunSpec]", out: Path, arguments: "Arguments", output: Output) -> int:
    """Run the chosen cells, or as many seeds as it takes to decide; the exit code."""
    from experiments.engines import EngineError
    from experiments.matrix_file import load_matrix
    from experiments.store import Store, StoreError
    from experiments.until_decided import run_until_decided

    ran = False

    def run(cells: "list[RunSpec]") -> int:
        nonlocal ran
        code = run_cells(store, cells, arguments, output)
        ran = True
        return code

    try:
        with Store(out) as store:
            if arguments.until_decided:
                return run_until_decided(store, lambda n: load_matrix(arguments.matrix, n), run)[0]
            store.plan(matrix)
            code = run(chosen)
            if rest := remaining(store, matrix, chosen):
                print(rest, flush=True)
            return code
    except (StoreError, EngineError, OSError) as error:
        print(error, file=sys.stderr)
        if not ran:
            return NOTHING_RUN
        return UNAVAILABLE if isinstance(error, EngineError) else IO_ERROR
    except KeyboardInterrupt:
        return SIGNALLED + signal.SIGINT


def remaining(store: "Store", matrix: "Matrix", chosen: "list[RunSpec]") -> str:
    """How much of the matrix was not asked for with --only, which the exit code does not speak of; or nothing."""
    others = {cell.run_id for cell in matrix.cells} - {cell.run_id for cell in chosen}
    if not others:
        return ""
    open_cells = sum(not store.holds(run_id) for run_id in others)
    return (
        f"{len(chosen)} of the matrix's {len(matrix.cells)} cells were asked for; of the others {open_cells} are not "
        "stored"
    )


def run_cells(store: "Store", cells: "list[RunSpec]", arguments: "Arguments", output: Output) -> int:
    """Run what is not finished of these; the exit code.

    Raises StoreError if finished cells were made by other code, EngineError if there is nowhere to run the others.
    """
    stored = finished(store, cells, arguments)
    waiting = [cell for cell in cells if cell.run_id not in stored]
    print(f"{len(cells)} cells, {len(stored)} already finished; results in {store.root}", flush=True)
    stopped = 0
    if waiting:
        engine = _engine(store, arguments)
        try:
            engine.submit(in_random_blocks(waiting) if arguments.lane == "timing" else waiting)
            stopped = follow(engine, store, stored, waiting, arguments.max_hours, output)
        finally:
            engine.close()
    return exit_code((cell.run_id for cell in cells), stored, stopped)


def finished(store: "Store", cells: "list[RunSpec]", arguments: "Arguments") -> dict[str, str]:
    """run_id -> status of those that need not run. Raises StoreError if other code made some."""
    from experiments.store import StoreError

    found = store.scan(cells)
    for line in found.set_aside:
        print(line)
    if found.other_code and not (arguments.mixed or arguments.retry_changed):
        first = next(cell.name for cell in cells if cell.run_id == found.other_code[0])
        raise StoreError(
            f"{len(found.other_code)} finished cells in {store.root} were made by other code or library versions "
            f"({first}...); use --retry-changed to run these again, --out DIR for a fresh start, or "
            "--mixed to put both into one table"
        )
    statuses = {run_id: run.status for run_id, run in found.finished.items()}
    again = set(found.other_code) if arguments.retry_changed else set()
    if arguments.retry_failed:
        again |= {run_id for run_id, status in statuses.items() if status != "ok"}
    for run_id in again:
        store.forget(run_id)
    return {run_id: status for run_id, status in statuses.items() if run_id not in again}


def follow(
    engine: "Engine",
    store: "Store",
    stored: dict[str, str],
    waiting: "list[RunSpec]",
    max_hours: float | None,
    output: Output,
) -> int:
    """Store each cell as it ends, its status in `stored`; what stopped the matrix before its end, or 0."""
    from experiments.engines import Beat, Ended, EngineError, Paused, Started
    from experiments.heartbeat import Heartbeat
    from experiments.progress import show_progress

    heartbeat = Heartbeat(store.write_running)
    with stopping(engine.pause, max_hours, output) as stop:
        try:
            with show_progress(waiting, len(stored)) as progress:
                for event in engine.events():
                    if isinstance(event, Ended):
                        stored |= store_cell(store, event)
                    if isinstance(event, Started):
                        heartbeat.beat(event.spec.run_id, 0, float("nan"))
                    elif isinstance(event, Beat):
                        heartbeat.beat(event.spec.run_id, event.env_steps, event.latest)
                    elif isinstance(event, Ended | Paused):
                        heartbeat.end(event.spec.run_id)
                    progress.take(event)
        except KeyboardInterrupt:
            pass
        except EngineError as error:
            print(error, file=sys.stderr)
            return UNAVAILABLE
        except OSError as error:
            print(f"{store.root}: {error}", file=sys.stderr)
            return IO_ERROR
    return stop.code


def store_cell(store: "Store", ended: "Ended") -> dict[str, str]:
    """Its run_id -> its status; nothing if what came for it belongs to something else."""
    from experiments.store import ForeignResult

    try:
        store.write(ended.spec, ended.run, ended.rows, ended.log)
    except ForeignResult as error:
        print(error, file=sys.stderr)
        return {}
    return {ended.spec.run_id: ended.run.status}


def in_random_blocks(cells: "list[RunSpec]") -> "list[RunSpec]":
    """Seed by seed and environment by environment, the rules within each in random order (always the same one)."""
    import numpy as np

    generator = np.random.default_rng(0)
    blocks: dict[tuple[int, str], list[RunSpec]] = {}
    for cell in sorted(cells, key=lambda cell: cell.run_id):
        blocks.setdefault((cell.seed, cell.env), []).append(cell)
    return [block[i] for _, block in sorted(blocks.items()) for i in generator.permutation(len(block))]


def report(out: Path, matrix: "Matrix", arguments: "Arguments", code: int) -> int:
    """Make tables and figures, with the user's own that the matrix file names; `code`, or 1 if that fails."""
    if arguments.lane == "throughput" and arguments.jobs > 1:
        print("seconds of this throughput run compare roughly; a table of seconds wants --lane timing")
    flags = ["--mixed"] if arguments.mixed else []
    flags += ["--against", *arguments.against] if arguments.against and matrix.tune is None else []
    if matrix.tune is not None:
        command = ["analysis.tuning", str(out), *flags]
    else:
        for flag, named in (("--measures", matrix.measures), ("--figures", matrix.figures)):
            flags += [flag, *named] if named else []
        command = ["analysis.report", str(out), *flags]
    done = subprocess.run([*console.UNSHADOWED, "-m", *command], check=False)
    return 1 if done.returncode else code


def _engine(store: "Store", arguments: "Arguments") -> "Engine":
    from experiments.engines import Conditions, Files
    from experiments.engines.cluster import DaskEngine

    def files(run_id: str) -> Files:
        return Files(str(store.log_of(run_id).resolve()), str(store.checkpoint_of(run_id).resolve()))

    conditions = Conditions(
        jobs=1 if arguments.lane == "timing" else arguments.jobs,
        lane=arguments.lane,
        silence_s=60 * arguments.silence_minutes,
        memory_gib=arguments.memory_gib,
    )
    return DaskEngine(conditions, files, arguments.scheduler, arguments.scheduler_file)


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return NOTHING_RUN


if __name__ == "__main__":
    leave_quietly_on_interrupt()
    from experiments.arguments import Arguments

    sys.exit(main(console.parsed(Arguments, __doc__)))
