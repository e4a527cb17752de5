"""One cell in a child process that can crash, hang, or be killed without harm to anything else."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from experiments.cell.clock import Clock
from experiments.cell.worker import run_cell
from experiments.identity import columns_of, machine
from experiments.records import Row, RunRow, UpdateRow, decode
from experiments.spec import RunSpec

Lane = Literal["throughput", "timing"]
POLL_S = 0.2


@dataclass(frozen=True)
class Conditions:
    """Under which cells run: recorded with their seconds, and no part of what they are."""

    jobs: int = 1  # cells side by side
    lane: Lane = "throughput"
    silence_s: float = 1800.0  # a cell without a row for so long is taken to hang
    memory_gib: float | None = None  # address space of a cell's process
    logs: str | None = None  # folder for what cells print; a worker's own if None
    checkpoints: str | None = None  # folder, likewise


class Stop:
    """A request to the cells of one engine, seen by whoever supervises them in this process."""

    def __init__(self) -> None:
        self.soon, self.now = threading.Event(), threading.Event()


@cache
def stop_of(token: str) -> Stop:
    """The Stop of an engine with this token; one per process."""
    return Stop()


@cache
def _server() -> Any:
    """Children are forked from a clean process that has imported torch once."""
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    if multiprocessing.current_process().daemon:
        raise RuntimeError("a daemonic process may have no children; start this worker with: dask worker --no-nanny")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["experiments.cell.server", "__main__", "experiments.cell.worker"])
    return context


def supervise(spec: RunSpec, conditions: Conditions, tell: Callable[[Row], None], stop: Stop) -> RunRow:
    """Run the cell to its end, telling every row but the last; the last, its RunRow, is returned.

    A process that died or was silent for too long gives the RunRow that it could not write.
    """
    log, checkpoint = (
        None if folder is None else Path(folder) / f"{spec.run_id}.{kind}"
        for folder, kind in ((conditions.logs, "log"), (conditions.checkpoints, "checkpoint"))
    )
    receiver, sender = _server().Pipe(duplex=False)
    arguments = (spec, conditions.jobs, conditions.lane, conditions.memory_gib, log, checkpoint, sender)
    process = _server().Process(target=run_cell, args=arguments, name=spec.run_id)
    process.start()
    sender.close()
    child = _Child(spec, conditions, process, receiver, log)
    try:
        while True:
            row = child.listen(stop)
            if isinstance(row, RunRow):
                return row
            if row is not None:
                tell(row)
    finally:
        child.end()


class _Child:
    def __init__(self, spec: RunSpec, conditions: Conditions, process: Any, pipe: Connection, log: Path | None) -> None:
        self._spec, self._conditions, self._log = spec, conditions, log
        self._process, self._pipe = process, pipe
        self._silence = 0.0  # s, listened in vain; who is stopped or frozen does not listen
        self._env_steps = self._updates = 0
        self._speaks = self._asked = False

    def listen(self, stop: Stop) -> Row | None:
        """The next row, if one comes soon."""
        if stop.now.is_set():
            return self._obituary("killed", "stopped by the user")
        if stop.soon.is_set() and self._speaks and not self._asked:  # before its first row it knows no SIGTERM yet
            self._asked = True
            os.kill(self._process.pid, signal.SIGTERM)
        try:
            if not self._pipe.poll(POLL_S):
                self._silence += POLL_S
                limit = self._conditions.silence_s
                return self._obituary("timeout", f"no row for {limit:.0f} s") if self._silence > limit else None
            row = decode(self._pipe.recv_bytes())
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            where = "" if self._log is None else f"; see {self._log.name}"
            return self._obituary("killed", f"the process ended with {how}{where}")
        self._silence, self._speaks = 0.0, True
        if isinstance(row, UpdateRow):
            self._env_steps, self._updates = row.env_steps, row.update
        return row

    def end(self) -> None:
        """Leave no process behind."""
        self._pipe.close()
        self._process.join(timeout=0.5)
        if self._process.is_alive():
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                self._process.kill()
            self._process.join()

    def _obituary(self, status: str, reason: str) -> RunRow:
        return obituary(self._spec, status, reason, self._conditions, self._env_steps, self._updates)


def obituary(
    spec: RunSpec, status: str, reason: str, conditions: Conditions, env_steps: int = 0, updates: int = 0
) -> RunRow:
    """The row of a run that could not write its own."""
    counters = ("episodes", "gradient_evaluations", "fisher_products", "candidate_evaluations")
    unknown: dict[str, Any] = dict.fromkeys(counters, 0)
    return RunRow(
        **columns_of(spec),
        status=status,
        reason=reason,
        env_steps=env_steps,
        updates=updates,
        **unknown,
        **Clock().totals(),
        **machine(conditions.jobs, conditions.lane),
    )
