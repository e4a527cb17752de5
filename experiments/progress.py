"""Progress display of a running matrix: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable, Sequence
from math import isnan
from statistics import fmean
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from experiments.engines import NOT_BEGUN, Beat, Ended, Event, Paused, Resumed
from experiments.spec import RunSpec
from experiments.tally import Running, Tally, approximate


class Progress(Protocol):
    def __enter__(self) -> "Progress": ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def take(self, event: Event) -> None: ...


def show_progress(waiting: Iterable[RunSpec], skipped: int) -> Progress:
    """The display that fits standard output."""
    console, tally = Console(force_jupyter=False), Tally(waiting, skipped)  # a notebook gets what is printed
    return LiveProgress(tally, console) if console.is_terminal else PlainProgress(tally, console)


class PlainProgress:
    """A line when a cell goes on or ends, and at most one for each that runs every ten seconds in between."""

    def __init__(self, tally: Tally, console: Console, every_s: float = 10.0) -> None:
        self._tally, self._console, self._every_s = tally, console, every_s
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
            self._say(f"{run.status:8} {event.spec.name} in {run.total_s:.0f} s{reason}  [{self._tally.headline()}]")
        elif isinstance(event, Resumed):
            self._say(f"resumed  {event.spec.name} at {event.env_steps:,} of {event.spec.budget:,} steps")
        elif isinstance(event, Paused) and event.reason != NOT_BEGUN:
            self._say(f"paused   {event.spec.name} {event.reason}")
        elif isinstance(event, Beat) and time.monotonic() - self._spoke > self._every_s:
            for cell in self._tally.running.values():
                self._say("  ".join([f"running  {cell.spec.name}", *_columns(cell)]))

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveProgress:
    """A headline, a row per running cell and a row per group of finished ones, redrawn once a second.

    It takes no more lines than the terminal has: what does not fit is counted.
    """

    def __init__(self, tally: Tally, console: Console) -> None:
        self._tally, self._console = tally, console
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=1)

    def __enter__(self) -> "LiveProgress":
        self._live.start(refresh=True)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._live.stop()

    def take(self, event: Event) -> None:
        self._tally.take(event)
        if isinstance(event, Ended) and event.run.status != "ok":
            self._say(f"{event.run.status} {event.spec.name}: {event.run.reason}")
        elif isinstance(event, Resumed):
            self._say(f"resumed {event.spec.name} at {event.env_steps:,} of {event.spec.budget:,} steps")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)

    def _draw(self) -> Group:
        room = self._console.height - 4  # the headline, two heads of columns, and the line of the cursor
        running = [(cell.spec.name, *_columns(cell)) for cell in self._tally.running.values()]
        ended = [
            (
                f"{label}/{env}",
                f"{group.ok} ok" + (f", {group.failed} failed" if group.failed else ""),
                _mean(group.returns),
            )
            for (label, env), group in reversed(self._tally.finished.items())
        ]
        parts: list[Text | Table] = [Text(self._tally.headline(), style="bold", no_wrap=True, overflow="ellipsis")]
        shown = _fitting(running, max(room - min(len(ended), room // 2), 1))
        parts.append(_table(("running", "steps", "steps/s", "return", "left"), shown))
        if ended and room - len(shown) > 0:
            parts.append(_table(("finished", "cells", "final return"), _fitting(ended, room - len(shown))))
        return Group(*parts)


def _fitting(rows: Sequence[tuple[str, ...]], most: int) -> Sequence[tuple[str, ...]]:
    """The first rows, and a count of those that do not fit."""
    if len(rows) <= most:
        return rows
    return [*rows[: most - 1], (f"... and {len(rows) - most + 1} more",)]


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for k, head in enumerate(heads):
        table.add_column(head, no_wrap=True, overflow="ellipsis", justify="right" if k else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _mean(returns: list[float]) -> str:
    return f"{fmean(returns):,.1f}" if returns else "-"


def _columns(cell: Running) -> tuple[str, ...]:
    rate, left, latest = (
        "-" if isnan(value) else text
        for value, text in (
            (cell.rate, f"{cell.rate:,.0f} steps/s"),
            (cell.left, f"{approximate(cell.left)} left"),
            (cell.latest, f"return {cell.latest:,.1f}"),
        )
    )
    return f"{cell.env_steps:,}/{cell.spec.budget:,}", rate, latest, left
