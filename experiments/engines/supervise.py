"""One cell in a child process that can crash, hang, or be killed without harm to anything else."""

import json
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from experiments.cell.logs import bound_log
from experiments.engines.events import Paused
from experiments.engines.process import End, Process
from experiments.identity import columns_of, machine
from experiments.records import PHASES, Row, RunRow, UpdateRow, decode
from experiments.spec import RunSpec

Lane = Literal["throughput", "timing"]
POLL_S = 0.2
LEAVING = threading.Event()  # this process is about to end: all of its cells are to stop at their next checkpoint


@dataclass(frozen=True)
class Conditions:
    """The conditions under which cells run: recorded beside their seconds, and no part of a cell's identity."""

    jobs: int = 1  # cells side by side
    lane: Lane = "throughput"
    silence_s: float = 1800.0  # a cell without a row for so long is taken to hang
    memory_gib: float | None = None  # address space of a cell's process


@dataclass(frozen=True)
class Files:
    """Where a cell's process writes its log and checkpoint; None: nowhere."""

    log: str | None = None
    checkpoint: str | None = None
    sources: str | None = None  # folder of the user's own modules, where they came with the order


class Stop:
    """A stop request to the cells of one engine, read by their supervisors in this process."""

    def __init__(self) -> None:
        self.soon, self.now = threading.Event(), threading.Event()

    def pause_requested(self) -> bool:
        """Whether cells are to stop at their next checkpoint, those of this engine or all."""
        return self.soon.is_set() or LEAVING.is_set()


@cache
def stop_of(token: str) -> Stop:
    """The Stop of the engine with this token, one per process."""
    return Stop()


def supervise(
    spec: RunSpec,
    conditions: Conditions,
    files: Files,
    tell: Callable[[Row, bytes], None],
    stop: Stop,
    resumed: Callable[[int], None] = lambda env_steps: None,
) -> RunRow | Paused:
    """Run the cell to its end: call `tell` with every row and its line, and return the last row, its RunRow.

    resumed: called with where the cell goes on from a checkpoint, before the rows up to there come again.
    A process that died or was silent for too long gives the RunRow that it could not write.
    """
    request = {"spec": spec.model_dump_json(), **asdict(conditions), **asdict(files)}
    with Process(request) as process:
        return _Watch(spec, conditions, files, process, tell, resumed).run(stop)


class _Watch:
    def __init__(
        self,
        spec: RunSpec,
        conditions: Conditions,
        files: Files,
        process: Process,
        tell: Callable[[Row, bytes], None],
        resumed: Callable[[int], None],
    ) -> None:
        self._spec, self._conditions, self._files = spec, conditions, files
        self._process, self._tell, self._resumed = process, tell, resumed
        self._silence = 0.0  # s, listened in vain; who is stopped or frozen does not listen
        self._last: UpdateRow | None = None

    def run(self, stop: Stop) -> RunRow | Paused:
        asked = False
        while True:
            if self._files.log is not None:
                bound_log(Path(self._files.log))
            if (last := self._take(self._read())) is not None:
                return last
            if self._process.end is not None:
                return self._failed("killed", self._how_it_ended(self._process.end))
            if stop.now.is_set():
                return self._end("killed", "stopped by the user")
            if self._silence > self._conditions.silence_s:
                return self._end("timeout", f"no row for {self._conditions.silence_s:.0f} s")
            if stop.pause_requested() and not asked:
                asked = True
                self._process.pause()

    def _read(self) -> list[bytes]:
        before = time.monotonic()
        lines = self._process.read(POLL_S)
        self._silence = 0.0 if lines else self._silence + min(time.monotonic() - before, POLL_S)
        return lines

    def _take(self, lines: list[bytes]) -> RunRow | Paused | None:
        """Pass these rows on; the RunRow if it is among them."""
        for line in lines:
            message = _message(line)
            if message is None:
                return self._end("killed", "its pipe held what is no row")
            if isinstance(message, str):
                return Paused(self._spec, message)
            if isinstance(message, int):
                self._resumed(message)
                continue
            if isinstance(message, RunRow):
                return message
            if isinstance(message, UpdateRow):
                self._last = message
            self._tell(message, line)
        return None

    def _end(self, status: str, reason: str) -> RunRow | Paused:
        """Kill it, unless it has ended by itself meanwhile."""
        return self._take(self._process.kill()) or self._failed(status, reason)

    def _failed(self, status: str, reason: str) -> RunRow:
        return failure_record(self._spec, status, reason, self._conditions, self._process.end, self._last)

    def _how_it_ended(self, end: End) -> str:
        if end.code is None:
            return "the process that guards it was lost"
        how = signal.Signals(-end.code).name if end.code < 0 else f"exit code {end.code}"
        where = "" if self._files.log is None else f"; see {Path(self._files.log).name}"
        by = "; nothing here sent it: perhaps the kernel did, for want of memory" if -end.code == signal.SIGKILL else ""
        return f"the process ended with {how}{by}{where}"


def _message(line: bytes) -> Row | str | int | None:
    """What a cell's line says: a row, why it has stopped at a checkpoint, the environment steps behind the one that it
    goes on from, or nothing that is known."""
    try:
        values = json.loads(line)
        if "resumed" in values:
            return int(values["resumed"])
        return str(values["paused"]) if "paused" in values else decode(line)
    except (ValueError, KeyError, TypeError):
        return None


def failure_record(
    spec: RunSpec,
    status: str,
    reason: str,
    conditions: Conditions,
    end: End | None = None,
    last: UpdateRow | None = None,
) -> RunRow:
    """The RunRow of a process that died before it could write one, with the memory and time of the process."""
    counters = ("env_steps", "episodes", "gradient_evaluations", "fisher_products", "candidate_evaluations")
    used = asdict(end or End())
    phases = dict.fromkeys(PHASES, 0.0) | {"other_s": used["total_s"]}
    known: dict[str, Any] = {**columns_of(spec), **machine(conditions.jobs, conditions.lane), **phases, "threads": 1}
    known |= {name: 0 if last is None else getattr(last, name) for name in counters}
    known |= {name: used[name] for name in ("peak_rss_mb", "cpu_s", "total_s")}
    return RunRow(**known, status=status, reason=reason, updates=0 if last is None else last.update)
