"""Tries environments in a child process, so that their code cannot change the folder, threads or time of this one.

The process starts quickly, since it imports neither torch nor the pipeline. It is ended with everything that it
started as soon as its answers are no longer wanted, or as soon as one fails to come.
"""

import contextlib
import json
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from experiments.cell.entry_points import Wrapping
from experiments.cell.spaces import Interface, interface_of, make_environment

BOOT = (
    "import pickle, sys\n"
    "sys.path[:] = pickle.load(sys.stdin.buffer)\n"
    "from experiments.cell.probe import answer\n"
    "answer(int(sys.argv[1]))\n"
)
SHOWN = 500  # bytes of what an environment said before it went
Wanted = tuple[str, dict[str, Any], Sequence[Wrapping]]  # an environment, its arguments, its wrappers
_known: dict[str, Interface] = {}


class ProbeFailed(Exception):
    """The environment cannot be made here; the message says why."""


class Prober:
    """Tries environments one after the other: `with Prober() as prober: prober.ask(env, kwargs)`."""

    def __init__(self, limit_s: float = 60.0) -> None:
        self._limit_s = limit_s
        self._child: _Child | None = None

    def __enter__(self) -> "Prober":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._child.end()

    def ask(self, env: str, kwargs: Mapping[str, Any], wrappers: Sequence[Wrapping] = ()) -> Interface:
        """The environment's interface. Raises ProbeFailed, after `limit_s` seconds at the latest."""
        key = repr((env, sorted(kwargs.items()), wrappers, sys.path))
        if key not in _known:
            child = self._child = self._child or _Child()
            try:
                _known[key] = child.ask((env, dict(kwargs), wrappers), self._limit_s)
            except ProbeFailed:
                child.end()
                self._child = None
                raise
        return _known[key]


class _Child:
    def __init__(self) -> None:
        self._answers, answers = os.pipe()
        self._output, output = os.pipe()
        self._said = b""  # the end of what it printed
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOT, str(answers)],
            stdin=subprocess.PIPE, stdout=output, stderr=output, pass_fds=[answers], start_new_session=True,
        )  # fmt: skip
        for passed_on in (answers, output):
            os.close(passed_on)
        os.set_blocking(self._output, False)
        self._send(sys.path)

    def ask(self, wanted: Wanted, limit_s: float) -> Interface:
        self._send(wanted)
        answer, deadline = b"", time.monotonic() + limit_s
        while not answer.endswith(b"\n"):
            ends = [self._answers, *([self._output] if self._listen() else [])]
            ready, _, _ = select.select(ends, [], [], max(0.0, deadline - time.monotonic()))
            if time.monotonic() > deadline:
                raise ProbeFailed(f"not made within {limit_s:.0f} s{self._output_tail()}")
            if self._answers not in ready:
                continue
            part = os.read(self._answers, 65536)
            if not part:
                code = self._process.wait()
                how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
                raise ProbeFailed(f"its process ended with {how}{self._output_tail()}")
            answer += part
        found = json.loads(answer)
        if "problem" in found:
            raise ProbeFailed(found["problem"])
        return Interface.from_plain(found)

    def end(self) -> None:
        """Kill it and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        for end in (self._answers, self._output):
            os.close(end)

    def _listen(self) -> bool:
        """Read up to 1 MiB of the child's output, so that a full pipe cannot block it; whether more may come."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(16):
                part = os.read(self._output, 65536)
                if not part:
                    return False
                self._said = (self._said + part)[-SHOWN:]
        return True

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended, which the next answer tells
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()

    def _output_tail(self) -> str:
        self._listen()
        text = self._said.decode(errors="replace").strip()
        return f"; the end of what it said: {text}" if text else ""


def answer(descriptor: int) -> None:
    """The child's loop: make each requested environment and describe its interface, until the parent is gone."""
    import mujoco

    mujoco.set_mju_user_warning(lambda message: None)  # it would write a file into the folder
    folder = Path.cwd()
    with os.fdopen(descriptor, "w") as sink:
        while True:
            try:
                wanted = pickle.load(sys.stdin.buffer)
            except EOFError:
                os._exit(0)  # threads of an environment's would keep the process
            sink.write(json.dumps(_tried(wanted)) + "\n")
            sink.flush()
            os.chdir(folder)


def _tried(wanted: Wanted) -> dict[str, Any]:
    try:
        made = make_environment(*wanted, flat=False)
        found = asdict(interface_of(made))
    except (Exception, SystemExit) as error:
        return {"problem": f"{type(error).__name__}: {error}"[:1000]}
    try:
        made.close()
    except (Exception, SystemExit) as error:
        print(f"it cannot be closed: {error}", file=sys.stderr)
    return found
