"""A cell's process from the outside: its rows as whole lines, how it ended, and two ways to stop it."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any

from experiments.cell.guardian import SIZE

GRACE_S = 2.0  # for a process to end after its last row
PATIENCE_S = 10.0  # for a guardian to end everything
READS = 64  # of a pipe in one go, lest a process that never stops writing keep its reader
BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from experiments.cell.server import serve; serve(int(sys.argv[1]))"
)
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class End:
    """How a cell's process ended, and what it used."""

    code: int | None = None  # negative: a signal; None: nobody knows, its guardian was lost
    peak_rss_mb: float = float("nan")
    cpu_s: float = float("nan")
    total_s: float = float("nan")


class Process:
    """A process that runs the cell of `request`; as a context manager it leaves nothing of it alive.

    Nothing here waits for longer than it says, whatever the other side does.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self._control, theirs = socket.socketpair()
        self._pipe, sink = os.pipe()
        os.set_blocking(self._pipe, False)
        self._sources: list[Any] = [self._pipe, self._control]
        self._begun, self._answer = b"", b""  # a line that is not whole yet; what the guardian said
        self.end: End | None = None
        data = json.dumps({**request, "path": sys.path, "folder": str(Path.cwd())}).encode()
        try:
            _server().fork(theirs, sink)
            self._control.sendall(SIZE.pack(len(data)) + data)
        except OSError:
            self._close()
            raise
        finally:
            theirs.close()
            os.close(sink)

    def read(self, timeout: float) -> list[bytes]:
        """The complete lines that arrive within `seconds`; after the last one, `end` is set."""
        readable = wait(self._sources, timeout)
        if self._control in readable:
            self._hear()
        return self._lines() if self._pipe in readable or self.end is not None else []

    def pause(self) -> None:
        """Ask the cell to stop at its next checkpoint."""
        with suppress(OSError):
            self._control.send(b".")

    def kill(self) -> list[bytes]:
        """Kill it and all of its descendants; the lines that it had still written."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        lines = self._wait(PATIENCE_S)
        if self.end is None and (
            guardian := self._answer.partition(b"\n")[0]
        ):  # it is stopped, and nobody's to wait for
            with suppress(ProcessLookupError):
                os.kill(int(guardian), signal.SIGKILL)
            lines += self._wait(PATIENCE_S)
        return lines

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._wait(GRACE_S)
        if self.end is None:
            self.kill()
        self._close()

    def _close(self) -> None:
        self._control.close()
        os.close(self._pipe)

    def _wait(self, seconds: float) -> list[bytes]:
        """Wait at most this long for the end; the lines that came before it."""
        lines, until = [], time.monotonic() + seconds
        while self.end is None and time.monotonic() < until:
            lines += self.read(0.1)
        return lines

    def _hear(self) -> None:
        try:
            part = self._control.recv(2**16)
        except ConnectionError:
            part = b""
        self._answer += part
        if not part:
            self._sources.remove(self._control)
            how = self._answer.partition(b"\n")[2]
            self.end = End(**json.loads(how)) if how else End()

    def _lines(self) -> list[bytes]:
        """The complete lines that the pipe holds now."""
        parts = [self._begun]
        with suppress(BlockingIOError):
            for _ in range(READS):
                parts.append(os.read(self._pipe, 2**20))
                if not parts[-1] and self._pipe in self._sources:
                    self._sources.remove(self._pipe)
        *lines, self._begun = b"".join(parts).split(b"\n")
        return lines


class _Server:
    """The process of `experiments/cell/server.py`, started on first use and restarted if it was lost."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, control: socket.socket, pipe: int) -> None:
        """Fork a guardian that owns these two descriptors."""
        with self._lock:
            for requests in (self._requests, None):
                with suppress(ConnectionError):
                    requests = requests or self._start()
                    socket.send_fds(requests, [b"."], [control.fileno(), pipe])
                    return
            raise ConnectionError("the process that cells are forked from ends as soon as it is started")

    def _start(self) -> socket.socket:
        if self._process is not None:
            self._process.poll()  # the one that was lost is reaped
        self._requests, theirs = socket.socketpair()
        with theirs:
            line = [sys.executable, "-P", "-c", BOOT, str(theirs.fileno()), json.dumps(sys.path)]
            self._process = subprocess.Popen(
                line,
                pass_fds=[theirs.fileno()],
                env=os.environ | ONE_THREAD,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # what a terminal sends to its processes is not for cells
            )
        return self._requests

    def close(self) -> None:
        """Close its socket, which ends it and everything that it forked."""
        with self._lock:
            if self._requests is not None and self._process is not None:
                self._requests.close()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(PATIENCE_S)


@cache
def _server() -> _Server:
    server = _Server()
    atexit.register(server.close)
    return server
