"""Estimates the cost of cells: steps, and core time from earlier runs of similar cells."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from math import ceil, isnan
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from experiments.records import RETRIED, BrokenCell, RunRow, read_record

if TYPE_CHECKING:
    from experiments.spec import RunSpec

Rates = dict[tuple[str, str], float]  # (rule, env), or ("", env) for any rule -> seconds of a cell per training step


@dataclass(frozen=True)
class Cost:
    """Of a group of cells; steps, episodes and seconds are those of the cells that are still to run."""

    cells: int = 0
    finished: int = 0
    steps: int = 0
    episodes: int = 0
    seconds: int = 0  # rounded up, so that the total is the sum of what is shown
    unknown: int = 0  # cells to run of which no seconds are known

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def core_time(self) -> str:
        """Hours, minutes and seconds on one core; with a > where a part of it is not known, ? where nothing is."""
        if self.unknown and not self.seconds:
            return "?"
        return ("> " if self.unknown else "") + clock(self.seconds)


def describe(cells: "list[RunSpec]", results: Path, jobs: int) -> str:
    """A line per group of cells with its cost, and the sum; seconds from finished cells beside `results`."""
    runs = past_runs(results.parent)
    rates = seconds_per_step(runs.values())
    groups: dict[str, Cost] = {}
    for cell in cells:
        run = runs.get(results / "cells" / cell.run_id)
        finished = run is not None and run.status not in RETRIED
        name = f"{cell.label}/{cell.env}"
        groups[name] = groups.get(name, Cost()) + (Cost(cells=1, finished=1) if finished else _cost(cell, rates))
    total = sum(groups.values(), Cost())
    heads = f"{'cells':>6} {'finished':>8} {'steps to run':>15} {'evaluation episodes':>19} {'core time':>11}"
    lines = [f"{heads}  rule/environment"]
    for name, cost in [*groups.items(), ("in all; nothing was run", total)]:
        numbers = f"{cost.cells:>6} {cost.finished:>8} {cost.steps:>15,} {cost.episodes:>19,} {cost.core_time:>11}"
        lines.append(f"{numbers}  {name}")
    if total.seconds:
        at_a_time = min(jobs, total.cells - total.finished)
        lines.append(
            f"core time: as in the finished cells under {results.parent}; with {at_a_time} at a time about "
            f"{'more than ' if total.unknown else ''}{clock(total.seconds / at_a_time)}"
        )
    return "\n".join(lines)


def _cost(cell: "RunSpec", rates: Rates) -> Cost:
    settings = cell.settings
    steps = steps_of(cell.budget, settings.batch_size)
    episodes = 2 * ((settings.evaluations + 1) * settings.eval_episodes + settings.final_episodes)
    rate = rate_of(rates, cell.rule, cell.env)
    known = not isnan(rate)
    return Cost(1, 0, steps, episodes, ceil(rate * steps) if known else 0, int(not known))


def steps_of(budget: int, batch_size: int) -> int:
    """Environment steps that a cell trains for: whole batches, the last of which reaches the budget."""
    return batch_size * ceil(budget / batch_size)


def past_runs(folder: Path) -> dict[Path, RunRow]:
    """The runs of every results directory in this folder, by their cell's folder."""
    runs = {}
    for cell in folder.glob("*/cells/*"):
        try:
            runs[cell] = read_record(cell)
        except BrokenCell:
            continue
    return runs


def seconds_per_step(runs: Iterable[RunRow]) -> Rates:
    """Medians over the runs that are ok."""
    found: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        if run.status == "ok" and run.env_steps:
            for rule in (run.rule, ""):
                found.setdefault((rule, run.env), []).append(run.total_s / run.env_steps)
    return {key: median(values) for key, values in found.items()}


def rate_of(rates: Rates, rule: str, env: str) -> float:
    """The rule's own, else that of any rule in the environment, else nan."""
    return rates.get((rule, env), rates.get(("", env), float("nan")))


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, such as 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
