"""Run a matrix of experiments: every rule on every environment with every seed.

    python experiments/run_matrix.py quick                       a shipped matrix
    python experiments/run_matrix.py my.toml --seeds 10          one of your own, ten seeds
    python experiments/run_matrix.py main --only trpo/Hopper-v5  some of its cells

Finished cells are skipped, so the same command goes on where it was interrupted. Exit code: 0 all cells ok, 1 some
failed, 2 bad input (nothing was run), 130 interrupted.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from experiments.spec import RunSpec
    from experiments.store import Store


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


def main(arguments: Arguments) -> int:
    """The exit code."""
    from experiments.spec import MatrixError, load_matrix  # slow imports wait until --help has been served
    from experiments.store import Store, StoreError

    if arguments.jobs < 1 or (arguments.seeds is not None and arguments.seeds < 1):
        return _refuse(f"--jobs and --seeds must be at least 1, got --jobs {arguments.jobs} --seeds {arguments.seeds}")
    try:
        matrix = load_matrix(arguments.matrix, arguments.seeds)
    except MatrixError as error:
        return _refuse(str(error))
    chosen = [cell for cell in matrix.cells if _matches(arguments.only, cell.rule, cell.label, cell.env)]
    if not chosen:
        names = sorted({f"{cell.label}/{cell.env}" for cell in matrix.cells})
        return _refuse(f"--only {arguments.only} matches no cell; this matrix has {', '.join(names)}")
    if arguments.dry_run:
        print(describe(chosen))
        return 0
    out = arguments.out or Path("results") / matrix.name
    try:
        with Store(out) as store:
            store.plan(matrix)
            failed = run_cells(store, chosen, arguments.jobs)
    except StoreError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        print(f"\ninterrupted; finished cells are in {out}; the same command goes on with the rest", file=sys.stderr)
        return 130
    report = subprocess.run([sys.executable, "-m", "analysis.report", str(out)], check=False)
    return 1 if failed or report.returncode else 0


def run_cells(store: "Store", cells: "list[RunSpec]", jobs: int) -> int:
    """Run what is not finished, write each cell as it ends; the number of cells, old or new, that are not ok."""
    from experiments.engines import LocalProcesses
    from experiments.progress import show_progress
    from experiments.records import Row, RunRow

    found = store.look(cells)
    for run_id in found.broken:
        print(f"{run_id} failed its checksum: set aside in {store.root / 'quarantine'}, will run again")
    failed = sum(run.status != "ok" for run in found.finished.values())
    waiting = [cell for cell in cells if cell.run_id not in found.finished]
    print(f"{len(cells)} cells, {len(found.finished)} already finished; results in {store.root}", flush=True)
    rows: dict[str, list[Row]] = {}
    events = LocalProcesses(jobs, store.logs).run(waiting)
    try:
        with show_progress(len(cells), len(found.finished)) as progress:
            for spec, row in events:
                if row is None:
                    rows[spec.run_id] = []
                elif isinstance(row, RunRow):
                    store.write(row, rows.pop(spec.run_id))
                    failed += row.status != "ok"
                else:
                    rows[spec.run_id].append(row)
                progress.take(spec, row)
    finally:
        events.close()
    return failed


def describe(cells: "list[RunSpec]") -> str:
    """A line per group of cells with its cost, and the sum."""
    groups: dict[str, list[RunSpec]] = {}
    for cell in cells:
        groups.setdefault(f"{cell.label}/{cell.env}", []).append(cell)
    lines = [f"{'cells':>6} {'training steps':>15} {'evaluation episodes':>20}  rule/environment"]
    total = [0, 0, 0]
    for group, members in groups.items():
        settings = members[0].settings
        episodes = 2 * ((settings.evaluations + 1) * settings.eval_episodes + settings.final_episodes)
        cost = [len(members), sum(cell.budget for cell in members), episodes * len(members)]
        total = [a + b for a, b in zip(total, cost, strict=True)]
        lines.append(f"{cost[0]:>6} {cost[1]:>15,} {cost[2]:>20,}  {group}")
    lines.append(f"{total[0]:>6} {total[1]:>15,} {total[2]:>20,}  in all; nothing was run")
    return "\n".join(lines)


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
