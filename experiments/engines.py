"""Where cells run. An engine takes specifications and streams what happens; it neither writes results nor draws."""

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol, cast

from experiments.cell.train import Clock, identity, machine, train
from experiments.cell.worker import run_cell
from experiments.records import Row, RunRow, UpdateRow, decode
from experiments.spec import RunSpec

Event = tuple[RunSpec, Row | None]  # None when the cell starts; its RunRow when it has ended


class Engine(Protocol):
    def run(self, specs: Iterable[RunSpec]) -> Generator[Event]:
        """Run every cell; closing the iterator stops those that still run."""
        ...


class Inline:
    """One cell after the other in this process: for tests and debuggers."""

    def run(self, specs: Iterable[RunSpec]) -> Generator[Event]:
        for spec in specs:
            yield spec, None
            for row in train(spec):
                yield spec, row


@dataclass
class _Child:
    spec: RunSpec
    process: Any
    heard: float  # monotonic time of its last row
    env_steps: int = 0
    updates: int = 0


class LocalProcesses:
    """`jobs` cells side by side, each in a child process that can crash, hang or be killed without harm to the others.

    Children are forked from a clean server that has imported torch once. A child that is silent for `silence_s` is
    killed and recorded as a timeout.
    """

    def __init__(self, jobs: int, logs: Path, silence_s: float = 1800.0) -> None:
        self._jobs, self._logs, self._silence_s = jobs, logs, silence_s
        os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["__main__", "experiments.cell.worker"])

    def run(self, specs: Iterable[RunSpec]) -> Generator[Event]:
        waiting = deque(specs)
        running: dict[Connection, _Child] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self._jobs:
                    spec = waiting.popleft()
                    pipe, child = self._start(spec)
                    running[pipe] = child
                    yield spec, None
                for ready in wait(list(running), timeout=1.0):
                    pipe = cast(Connection, ready)
                    child = running[pipe]
                    row = self._receive(pipe, child)
                    if isinstance(row, RunRow):
                        del running[pipe]
                        _end(pipe, child)
                    yield child.spec, row
                for pipe, child in list(running.items()):
                    if time.monotonic() - child.heard > self._silence_s:
                        del running[pipe]
                        _end(pipe, child)
                        yield child.spec, _obituary(child, "timeout", f"no row for {self._silence_s:.0f} s", self._jobs)
        finally:
            for pipe, child in running.items():
                _end(pipe, child)

    def _start(self, spec: RunSpec) -> tuple[Connection, _Child]:
        receiver, sender = self._context.Pipe(duplex=False)
        log = self._logs / f"{spec.run_id}.log"
        process = self._context.Process(target=run_cell, args=(spec, self._jobs, log, sender), name=spec.run_id)
        process.start()
        sender.close()
        return receiver, _Child(spec, process, time.monotonic())

    def _receive(self, pipe: Connection, child: _Child) -> Row:
        try:
            row = decode(pipe.recv_bytes())
        except (EOFError, OSError):
            child.process.join()
            code = child.process.exitcode
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            log = self._logs / f"{child.spec.run_id}.log"
            return _obituary(child, "killed", f"the process ended with {how}; see {log.name}", self._jobs)
        child.heard = time.monotonic()
        if isinstance(row, UpdateRow):
            child.env_steps, child.updates = row.env_steps, row.update
        return row


def _end(pipe: Connection, child: _Child) -> None:
    pipe.close()
    child.process.join(timeout=2.0)
    if child.process.is_alive():
        try:
            os.killpg(child.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            child.process.kill()
        child.process.join()


def _obituary(child: _Child, status: str, reason: str, jobs: int) -> RunRow:
    """The row of a run that could not write its own."""
    unknown: dict[str, Any] = {
        "episodes": 0,
        "gradient_evaluations": 0,
        "fisher_products": 0,
        "candidate_evaluations": 0,
    }
    return RunRow(
        **identity(child.spec),
        status=status,
        reason=reason,
        env_steps=child.env_steps,
        updates=child.updates,
        **unknown,
        **Clock().totals(),
        **machine(jobs),
    )
