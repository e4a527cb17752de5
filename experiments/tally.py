"""The state of a running matrix: counts, running cells, results so far, and the estimated time left."""

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isnan, nan

from experiments.engines import Beat, Ended, Event, Paused, Resumed, Started
from experiments.estimate import rate_of, seconds_per_step
from experiments.records import EvaluationRow, RunRow
from experiments.spec import RunSpec

LATEST = 100  # runs that say how fast cells are


@dataclass
class Running:
    """A running cell."""

    spec: RunSpec
    started: float = field(default_factory=time.monotonic)
    resumed_at: int = 0  # environment steps of the checkpoint that it goes on from
    env_steps: int = 0
    latest: float = nan  # return of its last evaluation, actions sampled

    @property
    def rate(self) -> float:
        """Training steps per second since it started, evaluation included; nan before the first new update."""
        new = self.env_steps - self.resumed_at
        return new / max(time.monotonic() - self.started, 1e-9) if new > 0 else nan

    @property
    def left(self) -> float:
        """Seconds to the end at this rate; nan before the first new update."""
        return max(self.spec.budget - self.env_steps, 0) / self.rate


@dataclass
class Finished:
    """Results of the cells of one rule and environment that have ended since this process started."""

    ok: int = 0
    failed: int = 0
    returns: list[float] = field(default_factory=list)  # of last policies, on held-out episodes, actions sampled


class Tally:
    """Counts the engine's events."""

    def __init__(self, waiting: Iterable[RunSpec], skipped: int = 0) -> None:
        """waiting: the cells to run; skipped: how many more were finished before."""
        self._waiting = {spec.run_id: _kind(spec) for spec in waiting}
        self._kinds = Counter(self._waiting.values())
        self.total, self.done, self.failed = skipped + len(self._waiting), skipped, 0
        self.running: dict[str, Running] = {}
        self.finished: dict[tuple[str, str], Finished] = {}
        self._runs: deque[RunRow] = deque(maxlen=LATEST)

    def take(self, event: Event) -> None:
        spec = event.spec
        if isinstance(event, Started):
            self._leave(spec)
            self.running[spec.run_id] = Running(spec)
        elif isinstance(event, Ended):
            self._leave(spec)
            self._end(event)
        elif isinstance(event, Paused):
            self._leave(spec)
        elif cell := self.running.get(spec.run_id):
            if isinstance(event, Resumed):
                cell.resumed_at = event.env_steps
            elif isinstance(event, Beat):
                cell.env_steps, cell.latest = event.env_steps, event.latest

    def _leave(self, spec: RunSpec) -> None:
        self.running.pop(spec.run_id, None)
        if (kind := self._waiting.pop(spec.run_id, None)) is not None:
            self._kinds[kind] -= 1

    def _end(self, event: Ended) -> None:
        ok = event.run.status == "ok"
        self.done += ok
        self.failed += not ok
        self._runs.append(event.run)
        group = self.finished.setdefault((event.spec.label, event.spec.env), Finished())
        group.ok += ok
        group.failed += not ok
        group.returns += [
            row.return_mean
            for row in event.rows
            if isinstance(row, EvaluationRow) and row.final and row.action == "sampled"
        ]

    @property
    def left(self) -> float:
        """Estimated seconds until all cells have ended; nan before any cell's speed is known.

        A waiting cell is assumed as fast as those of its rule and environment, else of its environment, else all.
        """
        rates = seconds_per_step(self._runs)
        for cell in self.running.values():
            if not isnan(cell.rate):
                for rule in (cell.spec.rule, ""):
                    rates.setdefault((rule, cell.spec.env), 1 / cell.rate)
        if not rates:
            return nan
        usual = sum(rates.values()) / len(rates)
        kinds = self._kinds + Counter(_kind(cell.spec) for cell in self.running.values() if isnan(cell.left))
        seconds = [(cell.left, 1) for cell in self.running.values() if not isnan(cell.left)]
        for (rule, env, budget), count in kinds.items():
            rate = rate_of(rates, rule, env)
            seconds.append((budget * (usual if isnan(rate) else rate), count))
        together = sum(each * count for each, count in seconds) / max(len(self.running), 1)
        return max(together, *(each for each, _ in seconds), 0.0)

    def headline(self) -> str:
        """Counts, and the time left if it is known."""
        waiting = self.total - self.done - self.failed - len(self.running)
        counts = f"{self.done}/{self.total} done, {len(self.running)} running, {self.failed} failed, {waiting} waiting"
        left = self.left if self.running or self._waiting else nan
        return counts if isnan(left) else f"{counts}; about {approximate(left)} left"


def _kind(spec: RunSpec) -> tuple[str, str, int]:
    """The group of cells that take equally long."""
    return spec.rule, spec.env, spec.budget


def approximate(seconds: float) -> str:
    """45 s, 12 min or 3.4 h."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"
