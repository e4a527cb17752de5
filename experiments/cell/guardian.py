"""The parent process of one cell: it waits for the cell to end and kills whatever the cell has left running.

On Linux every descendant that loses its parent becomes a child of the guardian, whatever it did to get away (fork, a
session of its own, a double fork); elsewhere only the cell's process group is known.

The owner writes the request to the guardian's socket (its length, then JSON), and later a byte each time it wants the
cell to stop at a checkpoint. If the owner closes the socket or dies, everything is killed. The guardian writes a line
with its process id and, once no process is left, a line of JSON: how the cell's process ended and what it used.
"""

import ctypes
import json
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Collection
from contextlib import suppress
from typing import Any, NoReturn

import psutil

from experiments.cell.worker import run_cell

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # of linux/prctl.h
SIZE = struct.Struct("!I")  # of a request
POLL_S = 0.05  # where the end of a process cannot be waited for together with a socket
PATIENCE_S = 10.0  # for the kernel to end what was killed


def guard(control: int, pipe: int) -> NoReturn:
    """Run the cell that is requested through `control` and write its rows to `pipe`; does not return."""
    os.setpgid(0, 0)
    adopt_orphans()
    with socket.socket(fileno=control) as owner, suppress(EOFError, OSError):
        owner.sendall(b"%d\n" % os.getpid())
        (size,) = SIZE.unpack(_receive(owner, SIZE.size))
        owner.sendall(_watch(json.loads(_receive(owner, size)), owner, pipe))
    os._exit(0)


def _watch(request: dict[str, Any], owner: socket.socket, pipe: int) -> bytes:
    """Fork the cell, wait until it or its owner ends, kill what is left, and return how the cell ended."""
    start = time.monotonic()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # until the cell has a handler
    cell = os.fork()
    if cell == 0:
        owner.close()
        _become_cell(request, pipe)
    os.close(pipe)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(cell, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    _wait_for_end(cell, owner)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(ProcessLookupError, PermissionError):  # there is no such group yet
        os.killpg(cell, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.kill(cell, signal.SIGKILL)
    _, status, usage = os.wait4(cell, 0)
    end_descendants()
    rss = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    end = {
        "code": os.waitstatus_to_exitcode(status),
        "peak_rss_mb": rss,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "total_s": time.monotonic() - start,
    }
    return json.dumps(end).encode() + b"\n"


def _wait_for_end(cell: int, owner: socket.socket) -> None:
    """Wait until the cell has ended (without reaping it) or its owner is gone; a byte from the owner stops the cell."""
    sources, timeout = [owner.fileno()], None
    try:
        sources.append(os.pidfd_open(cell))
    except (AttributeError, OSError):  # not on this system
        timeout = POLL_S
    while os.waitid(os.P_PID, cell, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        readable, _, _ = select.select(sources, [], [], timeout)
        if owner.fileno() in readable:
            if not owner.recv(1):
                return
            os.kill(cell, signal.SIGTERM)


def _become_cell(request: dict[str, Any], pipe: int) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        _die_with_parent()
        run_cell(request, pipe)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _receive(owner: socket.socket, size: int) -> bytes:
    """Read `size` bytes. Raises EOFError if the owner goes before."""
    data = b""
    while len(data) < size:
        part = owner.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def adopt_orphans() -> None:
    """Make this process the new parent of orphaned descendants (Linux only)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _die_with_parent() -> None:
    parent = os.getppid()
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has gone in between
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value)


def reap() -> dict[int, int]:
    """Reap the children that have ended; their exit codes."""
    ended = {}
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    return ended


def end_descendants(spared: Collection[int] = ()) -> None:
    """Kill and reap all descendants of this process, except these children and theirs, until none is left."""
    until = time.monotonic() + PATIENCE_S
    while _has_children() and time.monotonic() < until:
        reap()
        condemned = [child for child in psutil.Process().children() if child.pid not in spared]
        for child in condemned:
            for process in (*_children(child), child):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        if not condemned:
            return
        time.sleep(0.01)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
