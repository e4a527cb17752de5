"""Cells in this process: for tests and debuggers."""

import time
from collections import deque
from collections.abc import Iterable, Iterator

from experiments.cell.train import train
from experiments.engines.events import Beat, Ended, Event, Pulse, Started
from experiments.records import Row, RunRow
from experiments.spec import RunSpec


class Inline:
    """One cell after the other. A pause lets the running one finish."""

    def __init__(self) -> None:
        self._waiting: deque[RunSpec] = deque()

    def submit(self, specs: Iterable[RunSpec]) -> None:
        self._waiting.extend(specs)

    def events(self) -> Iterator[Event]:
        while self._waiting:
            spec = self._waiting.popleft()
            yield Started(spec)
            rows: list[Row] = []
            pulse = Pulse()
            for row in train(spec):
                if isinstance(row, RunRow):
                    yield Ended(spec, row, rows)
                else:
                    rows.append(row)
                    if beat := pulse.take(row, time.monotonic()):
                        yield Beat(spec, *beat)

    def pause(self) -> None:
        self._waiting.clear()

    def close(self) -> None:
        self._waiting.clear()
