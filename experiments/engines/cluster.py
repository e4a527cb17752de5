"""Cells as tasks of Dask: in this process's own threads, or on a cluster that exists.

Each task supervises one child process. On this machine scheduler and workers are threads of this process and can be
reached from nowhere else; on a cluster the rows come back through the scheduler, so that no file system need be shared.
Specifications and rows travel as JSON; the only thing that is unpickled is what Dask itself needs.
"""

import json
import logging
import queue
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from threading import Thread
from typing import Any, Literal, cast

import dask
from distributed import Client, Future, Scheduler, SpecCluster, Worker, get_worker

from experiments.engines.events import Beat, Ended, EngineError, Event, Pulse, Started
from experiments.engines.supervise import Conditions, obituary, stop_of, supervise
from experiments.records import Row, RunRow, decode, encode
from experiments.spec import RunSpec

AHEAD = 8  # cells that Dask knows of beyond two for each of its threads
PATIENCE_S = 10.0  # for cells to stop when everything is to stop
LOG_TAIL = 64_000  # bytes of a remote cell's log that come back with it
LOOPBACK = "127.0.0.1:0"  # Dask insists on an HTTP server; this one is for this machine alone and has no pages
SETTINGS: dict[str, Any] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.scheduler.worker-ttl": None,  # its threads cannot be lost, but be late: a lid was closed, a clock set
    "distributed.scheduler.allowed-failures": 2,  # lost workers that one cell may be on before it is given up
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.memory.target": False,  # cells are limited by their own process
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    # what Dask watches a hundred times a second, for pages that nobody opens
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.limit": "60s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.scheduler.active-memory-manager.start": False,
}


class DaskEngine:
    """Runs cells on a scheduler's workers; without an address, `conditions.jobs` at a time on this machine.

    A cell whose process was killed is tried once more (`retries`).
    """

    def __init__(
        self, conditions: Conditions, address: str | None = None, scheduler_file: Path | None = None, retries: int = 1
    ) -> None:
        self._conditions, self._retries = conditions, retries
        self._token = uuid.uuid4().hex
        self._waiting: deque[RunSpec] = deque()  # not handed to Dask yet, which takes a millisecond for each
        self._pending: dict[str, tuple[RunSpec, Future[Any], int]] = {}
        self._told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._cluster: SpecCluster | None = None
        dask.config.set(SETTINGS)
        logging.getLogger("distributed").setLevel(logging.WARNING)
        try:
            self._client = self._connect(address, scheduler_file)
        except (OSError, RuntimeError, TypeError, ValueError) as error:  # TypeError: TLS without a certificate
            where = address or scheduler_file
            what = f"the scheduler {where} does not answer" if where else "no engine can be started here"
            raise EngineError(f"{what}: {error}") from error
        self._client.subscribe_topic(self._token, lambda event: self._told.put(event[1]))

    def _connect(self, address: str | None, scheduler_file: Path | None) -> Client:
        if scheduler_file is not None:
            return Client(scheduler_file=str(scheduler_file), timeout="30s", set_as_default=False)
        if address is not None:
            return Client(address, timeout="30s", set_as_default=False)
        quiet = {"dashboard": False, "dashboard_address": LOOPBACK}
        self._cluster = SpecCluster(
            scheduler={"cls": Scheduler, "options": {"protocol": "inproc", **quiet}},
            workers={0: {"cls": Worker, "options": {"nthreads": self._conditions.jobs, "memory_limit": 0, **quiet}}},
        )
        return Client(self._cluster, set_as_default=False)

    def submit(self, specs: Iterable[RunSpec]) -> None:
        self._waiting.extend(specs)

    def _fill(self) -> None:
        """Hand over so many that no worker runs dry."""
        if not self._waiting:
            return
        here = self._cluster is not None
        threads = self._conditions.jobs if here else sum(self._client.nthreads().values())
        while self._waiting and len(self._pending) < 2 * threads + AHEAD:
            self._submit(self._waiting.popleft(), attempt=1)

    def _submit(self, spec: RunSpec, attempt: int) -> None:
        future = self._client.submit(
            cell_task,
            spec.model_dump_json(),
            asdict(self._conditions),
            self._token,
            self._cluster is None,
            key=f"{spec.run_id}-{self._token}-{attempt}",
            pure=False,
        )
        self._pending[spec.run_id] = (spec, future, attempt)
        future.add_done_callback(lambda done: self._told.put((spec.run_id, done)))

    def events(self) -> Iterator[Event]:
        while True:
            if stop_of(self._token).soon.is_set():
                while self._waiting:
                    spec = self._waiting.popleft()
                    yield Ended(spec, obituary(spec, "paused", "not begun", self._conditions))
            self._fill()
            if not self._pending:
                return
            message = self._told.get()
            if isinstance(message, dict):
                yield from self._heard(message)
            else:
                yield from self._ended(*message)

    def _heard(self, message: dict[str, Any]) -> Iterator[Event]:
        if "latest" not in message and stop_of(self._token).soon.is_set():
            self.pause()  # its worker has joined since
        if message["run_id"] in self._pending:
            spec = self._pending[message["run_id"]][0]
            yield Beat(spec, message["env_steps"], message["latest"]) if "latest" in message else Started(spec)

    def _ended(self, run_id: str, future: Future[Any]) -> Iterator[Event]:
        spec, current, attempt = self._pending[run_id]
        if future.key != current.key:
            return
        rows, log = [], None
        if future.status == "finished":
            header, *lines = future.result().split(b"\n")
            *rows, last = [decode(line) for line in lines]
            log = json.loads(header).encode() or None
            run = cast(RunRow, last)
        else:
            error = future.exception()
            run = obituary(spec, "killed", f"{type(error).__name__}: {error}", self._conditions)
        if run.status == "killed" and attempt <= self._retries and not stop_of(self._token).soon.is_set():
            self._submit(spec, attempt + 1)
            return
        del self._pending[run_id]
        yield Ended(spec, replace(run, attempts=attempt), rows, log)

    def pause(self) -> None:
        Thread(target=self._request, args=("soon",), daemon=True).start()

    def close(self) -> None:
        self._waiting.clear()
        if self._pending:
            self._request("now")
            given_up = time.monotonic() + PATIENCE_S
            while any(future.status == "pending" for _, future, _ in self._pending.values()):
                if time.monotonic() > given_up:  # of workers that were lost
                    break
                time.sleep(0.05)
            self._pending.clear()
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def _request(self, when: Literal["soon", "now"]) -> None:
        getattr(stop_of(self._token), when).set()
        if self._cluster is None:
            self._client.run(request_stop, self._token, when)


def request_stop(token: str, when: Literal["soon", "now"]) -> None:
    """On a worker: stop the cells of the engine with this token."""
    getattr(stop_of(token), when).set()


def cell_task(spec_json: str, conditions_values: dict[str, Any], token: str, remote: bool) -> bytes:
    """On a worker: one cell. Lines of JSON: the tail of its log if `remote`, then its rows, its RunRow last."""
    spec, conditions = RunSpec.model_validate_json(spec_json), Conditions(**conditions_values)
    worker, stop, pulse = get_worker(), stop_of(token), Pulse()
    if remote:
        folder = Path(worker.local_directory) / "cells"
        folder.mkdir(exist_ok=True)
        conditions = replace(conditions, logs=str(folder), checkpoints=str(folder), jobs=worker.state.nthreads)
    if stop.soon.is_set() or stop.now.is_set():
        return _payload(b"", [obituary(spec, "paused", "not begun", conditions)])
    rows: list[Row] = []

    def tell(row: Row) -> None:
        rows.append(row)
        if beat := pulse.take(row, time.monotonic()):
            worker.log_event(token, {"run_id": spec.run_id, "env_steps": beat[0], "latest": beat[1]})

    worker.log_event(token, {"run_id": spec.run_id})
    rows.append(supervise(spec, conditions, tell, stop))
    log = (Path(str(conditions.logs)) / f"{spec.run_id}.log").read_bytes() if remote else b""
    return _payload(log[-LOG_TAIL:], rows)


def _payload(log: bytes, rows: list[Row]) -> bytes:
    return b"\n".join([json.dumps(log.decode(errors="replace")).encode(), *map(encode, rows)])
