"""Where the seconds of a run go. Monotonic clocks only; a rule never reads one."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from experiments.records import PHASES


class Clock:
    """Monotonic seconds per phase."""

    def __init__(self, timer: Callable[[], float] = time.perf_counter) -> None:
        self.timer = timer  # of the phases
        self.seconds: dict[str, float] = defaultdict(float)
        self.last: dict[str, float] = {}
        self._start, self._cpu = time.perf_counter(), time.process_time()
        self.earlier = {"total_s": 0.0, "cpu_s": 0.0}  # by processes before this one

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        start = self.timer()
        try:
            yield
        finally:
            self.last[phase] = self.timer() - start
            self.seconds[phase] += self.last[phase]

    def totals(self) -> dict[str, Any]:
        """Every phase of a RunRow; `other_s` is what no phase claimed."""
        total = self.earlier["total_s"] + time.perf_counter() - self._start
        cpu = self.earlier["cpu_s"] + time.process_time() - self._cpu
        phases = {phase: self.seconds[phase] for phase in PHASES}
        phases["other_s"] = total - sum(phases.values())
        return {**phases, "total_s": total, "cpu_s": cpu}

    def restore(self, totals: dict[str, float]) -> None:
        """Go on from the `totals` of an earlier process."""
        self.seconds.update({phase: totals[phase] for phase in PHASES if phase != "other_s"})
        self.earlier = {name: totals[name] for name in self.earlier}
