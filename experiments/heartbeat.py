"""The progress of running cells, in a file of the results directory that `status` reads."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from experiments.records import parse_json, read_regular

NAME = "running.json"


@dataclass(frozen=True)
class Reached:
    """The last known progress of a running cell."""

    env_steps: int
    latest: float  # return of its last evaluation, actions sampled; nan before the first
    at: float  # seconds since the epoch


class Heartbeat:
    """Keeps the state of running cells and hands it to `write`, every `every_s` seconds and when one begins or ends."""

    def __init__(self, write: Callable[[bytes], None], every_s: float = 5.0) -> None:
        self._write, self._every_s, self._written = write, every_s, -float("inf")
        self._cells: dict[str, Reached] = {}

    def beat(self, run_id: str, env_steps: int, latest: float) -> None:
        """Record that this cell runs, and its progress."""
        begins = run_id not in self._cells  # it may be long before it beats again
        self._cells[run_id] = Reached(env_steps, latest, time.time())
        if begins or time.monotonic() - self._written > self._every_s:
            self._flush()

    def end(self, run_id: str) -> None:
        """Record that this cell has ended."""
        if self._cells.pop(run_id, None) is not None:
            self._flush()

    def _flush(self) -> None:
        self._written = time.monotonic()
        with suppress(OSError):  # a full disk costs what is shown, not the cells
            self._write(json.dumps({run_id: asdict(cell) for run_id, cell in self._cells.items()}).encode())


def read_heartbeat(results: Path) -> dict[str, Reached]:
    """run_id -> progress; empty if there is no such file or it is not one of ours."""
    try:
        found = parse_json(read_regular(results / NAME, 2**24))
        return {
            run_id: Reached(int(cell["env_steps"]), float(cell["latest"]), float(cell["at"]))
            for run_id, cell in found.items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}
