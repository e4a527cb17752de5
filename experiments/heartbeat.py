"""How far the cells are that run now, in a file that whoever looks at a results directory can read."""

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
    """How far a running cell was when it was last heard of."""

    env_steps: int
    latest: float  # return of its last evaluation, actions sampled; nan before the first
    at: float  # seconds since the epoch


class Heartbeat:
    """Keeps the state of running cells and hands it to `write`, at most once every `every_s` seconds."""

    def __init__(self, write: Callable[[bytes], None], every_s: float = 5.0) -> None:
        self._write, self._every_s, self._written = write, every_s, -float("inf")
        self._cells: dict[str, Reached] = {}

    def beat(self, run_id: str, env_steps: int, latest: float) -> None:
        """This cell runs and is so far."""
        self._cells[run_id] = Reached(env_steps, latest, time.time())
        if time.monotonic() - self._written > self._every_s:
            self._flush()

    def end(self, run_id: str) -> None:
        """This cell runs no more."""
        if self._cells.pop(run_id, None) is not None:
            self._flush()

    def _flush(self) -> None:
        self._written = time.monotonic()
        with suppress(OSError):  # a full disk costs what is shown, not the cells
            self._write(json.dumps({run_id: asdict(cell) for run_id, cell in self._cells.items()}).encode())


def read_heartbeat(results: Path) -> dict[str, Reached]:
    """run_id -> how far it is; nothing where there is no such file, or one that nobody here wrote."""
    try:
        found = parse_json(read_regular(results / NAME, 2**24))
        return {
            run_id: Reached(int(cell["env_steps"]), float(cell["latest"]), float(cell["at"]))
            for run_id, cell in found.items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}
