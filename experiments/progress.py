"""What a person sees while a matrix runs: a live table on a terminal, plain lines elsewhere."""

import time
from dataclasses import dataclass, field
from math import isnan
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from experiments.engines import NOT_BEGUN, Beat, Ended, Event, Paused, Started
from experiments.spec import RunSpec


@dataclass
class _Running:
    spec: RunSpec
    started: float = field(default_factory=time.monotonic)
    first: int | None = None  # env_steps when it was first heard of: more than 0 after a resume
    env_steps: int = 0
    latest: float = float("nan")

    @property
    def rate(self) -> float:
        """Training steps per second since the cell started, evaluation included."""
        return (self.env_steps - (self.first or 0)) / max(time.monotonic() - self.started, 1e-9)

    @property
    def left(self) -> float:
        """Seconds to the end at this rate; nan before the first update."""
        return (self.spec.budget - self.env_steps) / self.rate if self.rate > 0 else float("nan")


class Tally:
    """Counts of cells and the state of those that run, fed with the engine's events."""

    def __init__(self, total: int, skipped: int) -> None:
        self.total, self.done, self.failed = total, skipped, 0
        self.running: dict[str, _Running] = {}

    def take(self, event: Event) -> None:
        run_id = event.spec.run_id
        if isinstance(event, Started):
            self.running[run_id] = _Running(event.spec)
        elif isinstance(event, Beat) and run_id in self.running:
            cell = self.running[run_id]
            cell.first = event.env_steps if cell.first is None else cell.first
            cell.env_steps, cell.latest = event.env_steps, event.latest
        elif isinstance(event, Ended):
            self.running.pop(run_id, None)
            self.done += event.run.status == "ok"
            self.failed += event.run.status != "ok"
        elif isinstance(event, Paused):
            self.running.pop(run_id, None)

    def headline(self) -> str:
        waiting = self.total - self.done - self.failed - len(self.running)
        return f"{self.done}/{self.total} done, {len(self.running)} running, {self.failed} failed, {waiting} waiting"


class Progress(Protocol):
    def __enter__(self) -> "Progress": ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def take(self, event: Event) -> None: ...


def show_progress(total: int, skipped: int) -> Progress:
    """The display that fits standard output."""
    console = Console()
    return LiveProgress(total, skipped, console) if console.is_terminal else PlainProgress(total, skipped, console)


class PlainProgress:
    """A line when a cell starts and ends, and at most one every ten seconds in between."""

    def __init__(self, total: int, skipped: int, console: Console, every_s: float = 10.0) -> None:
        self._tally, self._console, self._every_s = Tally(total, skipped), console, every_s
        self._spoke = time.monotonic()

    def __enter__(self) -> "PlainProgress":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._say(self._tally.headline())

    def take(self, event: Event) -> None:
        self._tally.take(event)
        if isinstance(event, Ended):
            run = event.run
            reason = f" ({run.reason})" if run.reason else ""
            self._say(f"{run.status:8} {name(event.spec)} in {run.total_s:.0f} s{reason}  [{self._tally.headline()}]")
        elif isinstance(event, Paused) and event.reason != NOT_BEGUN:
            self._say(f"paused   {name(event.spec)} {event.reason}")
        elif isinstance(event, Beat) and time.monotonic() - self._spoke > self._every_s:
            for cell in self._tally.running.values():
                self._say(f"running  {name(cell.spec)} {'  '.join(_columns(cell))}")

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveProgress:
    """A headline and a row per running cell, redrawn once a second."""

    def __init__(self, total: int, skipped: int, console: Console) -> None:
        self._tally, self._console = Tally(total, skipped), console
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=1)

    def __enter__(self) -> "LiveProgress":
        self._live.start(refresh=True)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._live.stop()

    def take(self, event: Event) -> None:
        self._tally.take(event)
        if isinstance(event, Ended) and event.run.status != "ok":
            line = f"{event.run.status} {name(event.spec)}: {event.run.reason}"
            self._console.print(line, markup=False, highlight=False)

    def _draw(self) -> Group:
        table = Table("cell", "steps", "steps/s", "return", "left", box=None)
        for cell in self._tally.running.values():
            table.add_row(name(cell.spec), *_columns(cell))
        return Group(Text(self._tally.headline(), style="bold"), table)


def name(spec: RunSpec) -> str:
    """How a cell is called on the screen."""
    return f"{spec.label}/{spec.env} seed {spec.seed}"


def _columns(cell: _Running) -> list[str]:
    left = "-" if isnan(cell.left) else f"{cell.left:.0f} s left"
    latest = "-" if isnan(cell.latest) else f"return {cell.latest:.1f}"
    return [f"{cell.env_steps:,}/{cell.spec.budget:,}", f"{cell.rate:,.0f} steps/s", latest, left]
