"""The body of a cell's process: it trains and writes every row to its parent as a line of JSON."""

import io
import json
import os
import resource
import signal
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import torch

from experiments.cell.failures import Paused
from experiments.cell.train import train_encoded
from experiments.identity import OtherCode
from experiments.loaded import import_from
from experiments.records import RunRow, encode
from experiments.spec import RunSpec


def run_cell(request: dict[str, Any], pipe: int) -> None:
    """Run the cell of this request (`engines/process.py`) and write each of its rows to `pipe` as a line.

    Whatever the cell prints goes to its log. SIGTERM asks it to stop at its next checkpoint; its last line then says
    so, and also where this process has other code than the cell is to be computed by. In the timing lane it stays on
    one core, and a fixed piece of work is timed before and after the cell.
    """
    stop = StopRequest()
    _redirect(request["log"])
    sys.path[:] = request["path"]
    os.chdir(request["folder"])
    if request["sources"] is not None:
        import_from(request["sources"])
    torch.set_num_threads(1)
    if request["memory_gib"] is not None:
        limit = int(request["memory_gib"] * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    timing = request["lane"] == "timing"
    if timing and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    spec = RunSpec.model_validate_json(request["spec"])
    checkpoint = None if request["checkpoint"] is None else Path(request["checkpoint"])
    before = calibrate() if timing else float("nan")
    with open(pipe, "wb") as rows:
        try:
            for row, line in train_encoded(
                spec, request["jobs"], checkpoint, stop.asked, request["lane"], partial(_announce, rows)
            ):
                if isinstance(row, RunRow) and timing:
                    line = encode(replace(row, calibration_before=before, calibration_after=calibrate()))
                rows.write(line + b"\n")
                rows.flush()
        except (Paused, OtherCode) as why:
            rows.write(json.dumps({"paused": str(why)}).encode() + b"\n")
        except BrokenPipeError:
            sys.exit("the parent process is gone")


def _announce(rows: BinaryIO, env_steps: int) -> None:
    rows.write(json.dumps({"resumed": env_steps}).encode() + b"\n")


class StopRequest:
    """Set by SIGTERM or SIGINT to this process, not to its children."""

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))

    def _on_signal(self, number: int, frame: object) -> None:
        self._asked = True

    def asked(self) -> bool:
        """Whether a stop was requested."""
        return self._asked


def calibrate() -> float:
    """Seconds of a fixed piece of arithmetic: how fast this core is at this moment."""
    matrix = torch.ones(256, 256)
    start = time.perf_counter()
    for _ in range(200):
        matrix = (matrix @ matrix).clamp_(max=1.0)
    return time.perf_counter() - start


def _redirect(log: str | None) -> None:
    """Connect standard input to /dev/null, and output to the end of this file."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    if log is not None:
        sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        sys.stdout, sys.stderr = Log.text(1), Log.text(2)


class Log(io.FileIO):
    """A cell's log. Output that the disk has no room for is lost; the run goes on."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes

    @classmethod
    def text(cls, descriptor: int) -> io.TextIOWrapper:
        """The log as a text stream."""
        raw = io.BufferedWriter(cls(descriptor, "wb", closefd=False))
        return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)
