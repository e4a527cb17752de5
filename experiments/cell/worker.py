"""What a cell's own process does: train, and send every row to its parent as a line of JSON."""

import ctypes
import os
import resource
import signal
import sys
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from experiments.cell.train import train
from experiments.records import RunRow, encode
from experiments.spec import RunSpec

PR_SET_PDEATHSIG = 1  # of linux/prctl.h


def run_cell(
    spec: RunSpec,
    jobs: int,
    lane: str,
    memory_gib: float | None,
    log: Path | None,
    checkpoint: Path | None,
    pipe: Connection,
) -> None:
    """Entry point of the child. Whatever the cell prints goes to `log`; a parent that is gone ends the cell.

    SIGTERM asks it to stop at its next checkpoint. In the timing lane it stays on one core, and a fixed piece of work
    is timed before and after the cell.
    """
    os.setpgid(0, 0)  # a Ctrl-C in the terminal is the parent's to handle
    _die_with_parent()
    if log is not None:
        sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
    torch.set_num_threads(1)
    if memory_gib is not None:
        limit = int(memory_gib * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    timing = lane == "timing"
    if timing and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    asked = False

    def ask(signum: int, frame: object) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGTERM, ask)
    before = calibrate() if timing else float("nan")
    try:
        for row in train(spec, jobs, checkpoint, lambda: asked, lane):
            if isinstance(row, RunRow) and timing:
                row = replace(row, calibration_before=before, calibration_after=calibrate())
            pipe.send_bytes(encode(row))
    except BrokenPipeError:
        sys.exit("the parent process is gone")


def calibrate() -> float:
    """Seconds of a fixed piece of arithmetic: how fast this core is at this moment."""
    matrix = torch.ones(256, 256)
    start = time.perf_counter()
    for _ in range(200):
        matrix = (matrix @ matrix).clamp_(max=1.0)
    return time.perf_counter() - start


def _die_with_parent() -> None:
    """Linux kills this process when its parent ends, also where it hangs. Elsewhere a broken pipe tells it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
