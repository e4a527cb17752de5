"""Cells as tasks of Dask: in this process's own threads, or on a cluster that exists.

Each task supervises one child process. On a cluster the rows come back through the scheduler, so that no file system
need be shared, and so do checkpoints, once a minute: a worker that is lost costs no more than that.
Specifications and rows travel as JSON; the only thing that is unpickled is what Dask itself needs.
"""

import queue
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from distributed import Future, KilledWorker

from experiments.engines.events import NOT_BEGUN, Beat, Ended, EngineError, EngineLost, Event, Paused, Resumed, Started
from experiments.engines.supervise import Conditions, Files, failure_record, stop_of
from experiments.engines.task import (
    Reply,
    Request,
    cell_task,
    mismatches,
    read_checkpoint,
    read_reply,
    request_stop,
)
from experiments.engines.user_files import encode_sources
from experiments.engines.workers import Workers
from experiments.identity import code_of, library_versions
from experiments.records import RunRow, write_atomically
from experiments.spec import RunSpec

AHEAD = 8  # cells that Dask knows of beyond two for each of its threads
COUNT_EVERY_S = 2.0  # how often a cluster is asked how many threads it has
LOST_WORKERS = 3  # that one cell may be on before it is given up
PATIENCE_S = 10.0  # for cells to stop when everything is to stop


@dataclass(frozen=True)
class _Pending:
    spec: RunSpec
    future: Future[Any]
    attempt: int = 1
    lost: int = 0  # workers that it was on


class DaskEngine:
    """Runs cells on a scheduler's workers; without an address, `conditions.jobs` at a time on this machine.

    files: where a cell's log and checkpoint are on this machine, by its run_id. A cell whose process was killed is
    tried once more (`retries`), one that went with its worker twice, from the last checkpoint that is here.
    """

    def __init__(
        self,
        conditions: Conditions,
        files: Callable[[str], Files] = lambda run_id: Files(),
        address: str | None = None,
        scheduler_file: Path | None = None,
        retries: int = 1,
        checkpoint_s: float = 60.0,
    ) -> None:
        self._conditions, self._files, self._retries = conditions, files, retries
        self._checkpoint_s, self._token = checkpoint_s, uuid.uuid4().hex
        self._stop = stop_of(self._token)
        self._waiting: deque[RunSpec] = deque()  # not handed to Dask yet, which takes a millisecond for each
        self._pending: dict[str, _Pending] = {}
        self._happened: queue.SimpleQueue[Callable[[], Iterator[Event]]] = queue.SimpleQueue()
        self._codes: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}
        self._threads, self._counted = conditions.jobs, -COUNT_EVERY_S
        self._workers = Workers(conditions.jobs, address, scheduler_file)
        self._workers.listen(self._token, lambda message: self._happened.put(partial(self._on_message, message)))

    def submit(self, specs: Iterable[RunSpec]) -> None:
        """Run these too. Raises EngineError if a worker has other code than this process."""
        new = list(specs)
        if self._workers.remote:
            kinds = {(spec.env, spec.named): self._cell_request(spec).encode() for spec in new}
            for worker, found in self._workers.call(mismatches, list(kinds.values())).items():
                if found:
                    raise EngineError(f"worker {worker} cannot compute this: {found[0]}")
        self._waiting.extend(new)

    def events(self) -> Iterator[Event]:
        while True:
            while self._stop.soon.is_set() and self._waiting:
                yield Paused(self._waiting.popleft(), NOT_BEGUN)
            self._fill()
            if not self._pending:
                return
            yield from self._happened.get()()

    def pause(self) -> None:
        Thread(target=self._request, args=("soon",), daemon=True).start()

    def close(self) -> None:
        self._waiting.clear()
        if self._pending:
            self._request("now")
            given_up = time.monotonic() + PATIENCE_S
            while any(cell.future.status == "pending" for cell in self._pending.values()):
                if time.monotonic() > given_up:  # of workers that were lost
                    break
                time.sleep(0.05)
            self._pending.clear()
        self._workers.close()

    def _request(self, when: Literal["soon", "now"]) -> None:
        getattr(self._stop, when).set()
        if self._workers.remote:
            with suppress(EngineLost):  # a worker that does not answer; the others were asked too
                self._workers.call(request_stop, self._token, when)

    def _fill(self) -> None:
        """Submit enough cells to keep every worker busy."""
        if self._waiting and self._workers.remote and time.monotonic() - self._counted > COUNT_EVERY_S:
            self._threads, self._counted = sum(self._workers.threads().values()), time.monotonic()
        while self._waiting and len(self._pending) < 2 * self._threads + AHEAD:
            self._submit(self._waiting.popleft())

    def _submit(self, spec: RunSpec, attempt: int = 1, lost: int = 0) -> None:
        checkpoint = self._files(spec.run_id).checkpoint
        future = self._workers.submit(
            cell_task,
            self._cell_request(spec).encode(),
            _bytes_of(checkpoint) if self._workers.remote else None,
            key=f"{spec.run_id}-{self._token}-{uuid.uuid4().hex[:8]}",
        )
        self._pending[spec.run_id] = _Pending(spec, future, attempt, lost)
        future.add_done_callback(lambda done: self._happened.put(partial(self._ended, spec.run_id, done)))

    def _cell_request(self, spec: RunSpec) -> Request:
        remote = self._workers.remote
        return Request(
            self._token,
            spec.model_dump_json(),
            library_versions(),
            self._code(spec),
            encode_sources(spec) if remote else {},
            self._conditions,
            None if remote else self._files(spec.run_id),
            self._checkpoint_s,
        )

    def _code(self, spec: RunSpec) -> dict[str, str]:
        """The files of a cell's code, collected once for each rule, environment and network."""
        part = (spec.env, spec.named)
        if part not in self._codes:
            self._codes[part] = dict(code_of(spec).files)
        return self._codes[part]

    def _on_message(self, message: dict[str, Any]) -> Iterator[Event]:
        """Handle a worker's message about a running cell."""
        if (cell := self._pending.get(message["run_id"])) is None:
            return
        if "env_steps" in message:
            yield Beat(cell.spec, message["env_steps"], message["latest"])
        elif "resumed_at" in message:
            yield Resumed(cell.spec, message["resumed_at"])
        elif "checkpoint_at" in message:
            Thread(target=self._fetch, args=(cell.spec.run_id, message["checkpoint_at"]), daemon=True).start()
        else:
            if self._stop.soon.is_set():
                self.pause()  # its worker has joined since
            yield Started(cell.spec)

    def _fetch(self, run_id: str, worker: str) -> None:
        with suppress(EngineLost):
            data = self._workers.call(read_checkpoint, run_id, only=[worker]).get(worker)
            self._happened.put(partial(self._keep, run_id, data))

    def _keep(self, run_id: str, checkpoint: bytes | None) -> Iterator[Event]:
        """Store a remote cell's checkpoint on this machine; a full disk costs the checkpoint only."""
        file = self._files(run_id).checkpoint
        if checkpoint is not None and file is not None and run_id in self._pending:
            with suppress(OSError):
                write_atomically(Path(file), checkpoint)
        yield from ()

    def _ended(self, run_id: str, future: Future[Any]) -> Iterator[Event]:
        cell = self._pending[run_id]
        if future.key != cell.future.key:
            return
        if future.status in ("cancelled", "lost"):
            raise self._workers.lost()
        if future.status == "finished":
            yield from self._answered(cell, future.result())
        elif isinstance(error := future.exception(), KilledWorker):
            yield from self._killed_with_worker(cell)
        else:
            reason = f"{type(error).__name__}: {error}"
            yield from self._finished(cell, failure_record(cell.spec, "killed", reason, self._conditions))

    def _answered(self, cell: _Pending, data: bytes) -> Iterator[Event]:
        spec = cell.spec
        try:
            reply = read_reply(data)
        except (ValueError, KeyError, TypeError) as error:
            reason = f"what its worker answered cannot be read: {type(error).__name__}: {error}"
            yield from self._finished(cell, failure_record(spec, "killed", reason, self._conditions))
            return
        yield from self._keep(spec.run_id, reply.checkpoint)
        if reply.refused is not None:
            print(f"worker {reply.worker} gets no cells: {reply.refused}", file=sys.stderr)
        if reply.run is not None:
            yield from self._finished(cell, reply.run, reply)
        elif self._stop.soon.is_set() or not (reply.refused or reply.leaving):
            del self._pending[spec.run_id]
            yield Paused(spec, reply.paused or NOT_BEGUN)
        else:
            self._submit(spec, cell.attempt, cell.lost)

    def _killed_with_worker(self, cell: _Pending) -> Iterator[Event]:
        lost = cell.lost + 1
        if self._stop.soon.is_set():
            del self._pending[cell.spec.run_id]
            yield Paused(cell.spec, "lost with its worker")
        elif lost < LOST_WORKERS:
            self._submit(cell.spec, cell.attempt + 1, lost)
        else:
            run = failure_record(cell.spec, "killed", f"lost with its worker {lost} times", self._conditions)
            yield from self._done(cell, run)

    def _finished(self, cell: _Pending, run: RunRow, reply: Reply | None = None) -> Iterator[Event]:
        """Retry a cell that was killed, as often as allowed; else emit that it has ended."""
        if run.status == "killed" and cell.attempt - cell.lost <= self._retries and not self._stop.soon.is_set():
            self._submit(cell.spec, cell.attempt + 1, cell.lost)
        else:
            yield from self._done(cell, run, reply)

    def _done(self, cell: _Pending, run: RunRow, reply: Reply | None = None) -> Iterator[Event]:
        del self._pending[cell.spec.run_id]
        rows, log = ([], None) if reply is None else (list(reply.rows), reply.log)
        yield Ended(cell.spec, replace(run, attempts=cell.attempt), rows, log)


def _bytes_of(file: str | None) -> bytes | None:
    try:
        return None if file is None else Path(file).read_bytes()
    except OSError:
        return None
