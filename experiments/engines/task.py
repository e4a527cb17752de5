"""A cell as a Dask task: what runs on the worker, and what it returns.

A request and a reply are bytes: a line of JSON, and in a reply the rows of the cell, a line each. A worker that
shares no files with the driver gets the last checkpoint with the request, and gives back log and checkpoint.
"""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from distributed import Status, Worker, get_worker

from experiments.engines.events import NOT_BEGUN, Paused, Pulse
from experiments.engines.supervise import LEAVING, Conditions, Files, stop_of, supervise
from experiments.engines.user_files import Sources, decode_sources, differences
from experiments.identity import library_versions
from experiments.records import Row, RunRow, decode, encode, write_atomically
from experiments.spec import RunSpec

LOG_TAIL = 64_000  # bytes of a remote cell's log that come back with it


@dataclass(frozen=True)
class Request:
    """A request to a worker."""

    token: str  # of the engine
    spec: str  # a RunSpec as JSON
    versions: str  # of the libraries it is to be computed with
    code: dict[str, str]  # and of the files (identity.Code)
    sources: Sources  # of the user's own files among these
    conditions: Conditions
    files: Files | None  # None: the worker's own
    tell_every_s: float  # from one word about a new checkpoint to the next, where files are the worker's own

    def encode(self) -> bytes:
        """Encode as bytes."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True)
class Reply:
    """A worker's reply: the cell's run and rows, or why there are none."""

    worker: str
    paused: str | None = None  # why it has stopped before its end
    leaving: bool = False  # the worker is about to end: the cell is for another one
    refused: str | None = None  # why this worker cannot compute it
    run: RunRow | None = None
    rows: tuple[Row, ...] = ()
    log: bytes | None = None
    checkpoint: bytes | None = None


def read_reply(reply: bytes) -> Reply:
    """Decode a worker's reply. Raises ValueError, KeyError or TypeError if it is malformed."""
    header, *lines = reply.split(b"\n")
    values = json.loads(header)
    for name in ("log", "checkpoint"):
        values[name] = None if values[name] is None else b64decode(values[name])
    rows = [decode(line) for line in lines]
    run = rows.pop() if rows and isinstance(rows[-1], RunRow) else None
    return Reply(**values, rows=tuple(rows), run=cast(RunRow | None, run))


def cell_task(request: bytes, checkpoint: bytes | None) -> bytes:
    """Run one cell on a worker, from this checkpoint or from one that is already there."""
    values = json.loads(request)
    asked, conditions = RunSpec.model_validate_json(values["spec"]), Conditions(**values["conditions"])
    worker, stop = get_worker(), stop_of(values["token"])
    if stop.pause_requested() or stop.now.is_set():
        return _reply(worker, paused=NOT_BEGUN)
    spec, sources = decode_sources(asked, values["sources"], Path(worker.local_directory))
    if refused := mismatch(spec, values["versions"], values["code"], sources):
        worker.loop.add_callback(stop_accepting_cells, worker)
        return _reply(worker, refused=refused)
    shared = values["files"] is not None
    if shared:
        files = Files(**values["files"])
    else:
        files = replace(own_files(worker, spec.run_id, checkpoint), sources=sources)
        conditions = replace(conditions, jobs=worker.state.nthreads)
    reporter = _Reporter(
        worker, values["token"], spec.run_id, None if shared else files.checkpoint, values["tell_every_s"]
    )
    outcome = supervise(spec, conditions, files, reporter.take, stop, reporter.resumed)
    log, checkpoint = (None, None) if shared else (_read_and_remove(files.log), _read_and_remove(files.checkpoint))
    if isinstance(outcome, Paused):
        return _reply(worker, paused=outcome.reason, log=log, checkpoint=checkpoint)
    last = encode(replace(outcome, rule=asked.rule))
    return _reply(worker, [*reporter.lines, last], log=log, checkpoint=checkpoint)


def stop_accepting_cells(worker: Worker) -> None:
    """Accept no further cells on this worker. This disables Dask's memory monitor, which would unpause the worker."""
    worker.memory_manager.memory_pause_fraction = False
    worker.status = Status.paused


def mismatch(spec: RunSpec, versions: str, code: dict[str, str], sources: str | None) -> str | None:
    """Why this process cannot compute the requested cell, or None; `sources`: the folder of the user's files."""
    if (here := library_versions()) != versions:
        return f"it has other versions of the libraries: {here}, not {versions}"
    return differences(spec, code, sources)


def own_files(worker: Worker, run_id: str, checkpoint: bytes | None = None) -> Files:
    """Paths of a cell's files on a worker without a shared file system, with the given or an existing checkpoint."""
    folder = Path(worker.local_directory) / "cells"
    folder.mkdir(exist_ok=True)
    files = Files(str(folder / f"{run_id}.log"), str(folder / f"{run_id}.checkpoint"))
    if checkpoint is not None:
        write_atomically(Path(str(files.checkpoint)), checkpoint)
    return files


def _read_and_remove(file: str | None) -> bytes | None:
    """Read a worker's own file and remove it."""
    with suppress(OSError):
        data = Path(str(file)).read_bytes()
        Path(str(file)).unlink()
        return data
    return None


def _reply(
    worker: Worker,
    lines: Iterable[bytes] = (),
    *,
    paused: str | None = None,
    refused: str | None = None,
    log: bytes | None = None,
    checkpoint: bytes | None = None,
) -> bytes:
    header: dict[str, Any] = {
        "worker": worker.address,
        "paused": paused,
        "refused": refused,
        "leaving": LEAVING.is_set(),
    }
    header["log"] = None if log is None else b64encode(log[-LOG_TAIL:]).decode()
    header["checkpoint"] = None if checkpoint is None else b64encode(checkpoint).decode()
    return b"\n".join([json.dumps(header).encode(), *lines])


class _Reporter:
    """Reports a cell's progress to the driver and keeps its lines."""

    def __init__(self, worker: Worker, token: str, run_id: str, checkpoint: str | None, every_s: float) -> None:
        self.lines: list[bytes] = []
        self._worker, self._token, self._run_id, self._pulse = worker, token, run_id, Pulse()
        self._checkpoint, self._every_s, self._sent_at = checkpoint, every_s, time.monotonic()
        self._tell()

    def take(self, row: Row, line: bytes) -> None:
        self.lines.append(line)
        now = time.monotonic()
        if beat := self._pulse.take(row, now):
            self._tell(env_steps=beat[0], latest=beat[1])
        if self._checkpoint is not None and now - self._sent_at > self._every_s and Path(self._checkpoint).exists():
            self._sent_at = now
            self._tell(checkpoint_at=self._worker.address)

    def resumed(self, env_steps: int) -> None:
        self._tell(resumed_at=env_steps)

    def _tell(self, **reporter: Any) -> None:
        self._worker.log_event(self._token, {"run_id": self._run_id, **reporter})


# what the driver calls on every worker, or on one


def request_stop(token: str, when: Literal["soon", "now"]) -> None:
    """Stop the cells of the engine with this token."""
    getattr(stop_of(token), when).set()


def read_checkpoint(run_id: str, dask_worker: Worker) -> bytes | None:
    """A running cell's last checkpoint, if there is one."""
    try:
        return Path(str(own_files(dask_worker, run_id).checkpoint)).read_bytes()
    except OSError:
        return None


def mismatches(requests: list[bytes], dask_worker: Worker) -> list[str]:
    """Why this worker cannot run these cells."""
    found = []
    for values in map(json.loads, requests):
        asked = RunSpec.model_validate_json(values["spec"])
        spec, sources = decode_sources(asked, values["sources"], Path(dask_worker.local_directory))
        found.append(mismatch(spec, values["versions"], values["code"], sources))
    return [text for text in found if text is not None]
