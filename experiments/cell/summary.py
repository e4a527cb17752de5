"""The last row of a run: what became of it, whether or not it ever began."""

from typing import Any

from experiments.cell.clock import Clock
from experiments.cell.run import COUNTERS, Run
from experiments.identity import columns_of, machine
from experiments.records import RunRow
from experiments.spec import RunSpec


def run_row(
    spec: RunSpec, run: Run | None, status: str, reason: str, traceback: str, clock: Clock, jobs: int, lane: str
) -> RunRow:
    """The row of a run; `run` is None where it could not even be set up."""
    done: dict[str, Any] = {"env_steps": 0, "updates": 0, "episodes": 0, **dict.fromkeys(COUNTERS, 0)}
    if run is not None:
        done = {"env_steps": run.env_steps, "updates": run.updates, "episodes": run.collector.finished, **run.counters}
    cpus = {} if run is None else {"cpu": ", then ".join(run.cpus)}
    return RunRow(
        **columns_of(spec),
        status=status,
        reason=reason,
        traceback=traceback,
        **done,
        **clock.totals(),
        **machine(jobs, lane) | cpus,
    )
