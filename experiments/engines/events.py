"""The interface of all engines, and the events that they emit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from experiments.records import EvaluationRow, Row, RunRow, UpdateRow
from experiments.spec import RunSpec

NAN = float("nan")
NOT_BEGUN = "not begun"  # the reason of a cell that was stopped before it was started


@dataclass(frozen=True)
class Started:
    """A cell's process has started; emitted again if the cell is retried."""

    spec: RunSpec


@dataclass(frozen=True)
class Resumed:
    """A cell resumes from a checkpoint; the rows before it are sent again."""

    spec: RunSpec
    env_steps: int


@dataclass(frozen=True)
class Beat:
    """The progress of a running cell, at most a few times a second."""

    spec: RunSpec
    env_steps: int
    latest: float  # its last evaluation's return, actions sampled; nan before the first


@dataclass(frozen=True)
class Ended:
    """A cell has ended, well or not."""

    spec: RunSpec
    run: RunRow
    rows: list[Row] = field(default_factory=list)
    log: bytes | None = None  # what its process printed, where that is not in a file of this machine already


@dataclass(frozen=True)
class Paused:
    """A cell has stopped before its end and waits to go on, from its last checkpoint if it has one."""

    spec: RunSpec
    reason: str


Event = Started | Resumed | Beat | Paused | Ended


class EngineError(Exception):
    """No cell can be run; the message says why."""


class EngineLost(EngineError):
    """The scheduler or process that ran cells is gone or does not answer; the message says which."""


class Engine(Protocol):
    """Every submitted cell gives one Ended or Paused, whatever becomes of its process."""

    def submit(self, specs: Iterable[RunSpec]) -> None:
        """Add these cells."""
        ...

    def events(self) -> Iterator[Event]:
        """The events, until every submitted cell has ended or paused."""
        ...

    def pause(self) -> None:
        """Start no further cell, and stop those that run at their next checkpoint or end. From any thread."""
        ...

    def close(self) -> None:
        """Stop everything at once and leave no process behind."""
        ...


class Pulse:
    """Turns the rows of one cell into Beat events, at most two a second."""

    def __init__(self, every_s: float = 0.5) -> None:
        self._every_s, self._spoke = every_s, -float("inf")
        self._env_steps, self._latest = 0, NAN

    def take(self, row: Row, now: float) -> tuple[int, float] | None:
        """(env_steps, latest return) if a beat is due, else None."""
        if isinstance(row, (UpdateRow, EvaluationRow)):
            self._env_steps = row.env_steps
        if isinstance(row, EvaluationRow) and row.action == "sampled":
            self._latest = row.return_mean
        if now - self._spoke < self._every_s:
            return None
        self._spoke = now
        return self._env_steps, self._latest
