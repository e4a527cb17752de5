"""What a person sees while a matrix runs: a live table on a terminal, plain lines elsewhere."""

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from experiments.records import EvaluationRow, Row, RunRow, UpdateRow
from experiments.spec import RunSpec


@dataclass
class _Running:
    spec: RunSpec
    started: float = field(default_factory=time.monotonic)
    env_steps: int = 0
    latest: float = float("nan")

    @property
    def rate(self) -> float:
        """Training steps per second since the cell started, evaluation included."""
        return self.env_steps / max(time.monotonic() - self.started, 1e-9)

    @property
    def left(self) -> float:
        """Seconds to the end at this rate; nan before the first update."""
        return (self.spec.budget - self.env_steps) / self.rate if self.env_steps else float("nan")


class Tally:
    """Counts of cells and the state of those that run, fed with the engine's events."""

    def __init__(self, total: int, skipped: int) -> None:
        self.total, self.done, self.failed = total, skipped, 0
        self.running: dict[str, _Running] = {}

    def take(self, spec: RunSpec, row: Row | None) -> None:
        if row is None:
            self.running[spec.run_id] = _Running(spec)
        elif isinstance(row, RunRow):
            self.running.pop(spec.run_id)
            self.done += row.status == "ok"
            self.failed += row.status != "ok"
        elif isinstance(row, (UpdateRow, EvaluationRow)):
            cell = self.running[spec.run_id]
            cell.env_steps = row.env_steps
            if isinstance(row, EvaluationRow) and row.action == "sampled":
                cell.latest = row.return_mean

    def headline(self) -> str:
        waiting = self.total - self.done - self.failed - len(self.running)
        return f"{self.done}/{self.total} done, {len(self.running)} running, {self.failed} failed, {waiting} waiting"


class Progress(Protocol):
    def __enter__(self) -> "Progress": ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def take(self, spec: RunSpec, row: Row | None) -> None: ...


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

    def take(self, spec: RunSpec, row: Row | None) -> None:
        self._tally.take(spec, row)
        if isinstance(row, RunRow):
            reason = f" ({row.reason})" if row.reason else ""
            self._say(f"{row.status:8} {name(spec)} in {row.total_s:.0f} s{reason}  [{self._tally.headline()}]")
        elif isinstance(row, UpdateRow) and time.monotonic() - self._spoke > self._every_s:
            for cell in self._tally.running.values():
                self._say(f"running  {name(cell.spec)} {'  '.join(_columns(cell))}")

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveProgress:
    """A headline and a row per running cell, redrawn twice a second."""

    def __init__(self, total: int, skipped: int, console: Console) -> None:
        self._tally, self._console = Tally(total, skipped), console
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=2)

    def __enter__(self) -> "LiveProgress":
        self._live.start(refresh=True)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._live.stop()

    def take(self, spec: RunSpec, row: Row | None) -> None:
        self._tally.take(spec, row)
        if isinstance(row, RunRow) and row.status != "ok":
            self._console.print(f"{row.status} {name(spec)}: {row.reason}", markup=False, highlight=False)

    def _draw(self) -> Group:
        table = Table("cell", "steps", "steps/s", "return", "left", box=None)
        for cell in self._tally.running.values():
            table.add_row(name(cell.spec), *_columns(cell))
        return Group(Text(self._tally.headline(), style="bold"), table)


def name(spec: RunSpec) -> str:
    """How a cell is called on the screen."""
    return f"{spec.label}/{spec.env} seed {spec.seed}"


def _columns(cell: _Running) -> list[str]:
    left = "-" if cell.left != cell.left else f"{cell.left:.0f} s left"
    latest = "-" if cell.latest != cell.latest else f"return {cell.latest:.1f}"
    return [f"{cell.env_steps:,}/{cell.spec.budget:,}", f"{cell.rate:,.0f} steps/s", latest, left]
