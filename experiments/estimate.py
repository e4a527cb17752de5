"""What cells will cost, in steps, and in hours where cells like them have been run before."""

from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from experiments.records import BrokenCell, RunRow, read_record

if TYPE_CHECKING:
    from experiments.spec import RunSpec


def describe(cells: "list[RunSpec]", results: Path, jobs: int) -> str:
    """A line per group of cells with its cost, and the sum; seconds from finished cells beside `results`."""
    known = seconds_per_step(past_runs(results.parent))
    groups: dict[str, list[RunSpec]] = {}
    for cell in cells:
        groups.setdefault(f"{cell.label}/{cell.env}", []).append(cell)
    lines = [f"{'cells':>6} {'training steps':>15} {'evaluation episodes':>20} {'core hours':>11}  rule/environment"]
    total, hours, unknown = [0, 0, 0], 0.0, 0
    for group, members in groups.items():
        first = members[0]
        settings = first.settings
        episodes = 2 * ((settings.evaluations + 1) * settings.eval_episodes + settings.final_episodes)
        cost = [len(members), sum(cell.budget for cell in members), episodes * len(members)]
        total = [a + b for a, b in zip(total, cost, strict=True)]
        rate = known.get((first.rule, first.env), known.get(("", first.env)))
        unknown += rate is None
        hours += 0.0 if rate is None else rate * cost[1] / 3600
        needed = "?" if rate is None else f"{rate * cost[1] / 3600:.2f}"
        lines.append(f"{cost[0]:>6} {cost[1]:>15,} {cost[2]:>20,} {needed:>11}  {group}")
    lines.append(f"{total[0]:>6} {total[1]:>15,} {total[2]:>20,} {hours:>11.2f}  in all; nothing was run")
    if unknown < len(groups):
        lines.append(
            f"hours: as in the finished cells under {results.parent}; with --jobs {jobs} about {hours / jobs:.2f}"
        )
    return "\n".join(lines)


def past_runs(folder: Path) -> list[RunRow]:
    """The runs of every results directory in this folder."""
    runs = []
    for cell in folder.glob("*/cells/*"):
        try:
            runs.append(read_record(cell))
        except BrokenCell:
            continue
    return runs


def seconds_per_step(runs: Iterable[RunRow]) -> dict[tuple[str, str], float]:
    """(rule, env) -> median seconds of a whole cell per training step; ("", env) for any rule."""
    found: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        if run.status == "ok" and run.env_steps:
            for rule in (run.rule, ""):
                found.setdefault((rule, run.env), []).append(run.total_s / run.env_steps)
    return {key: median(values) for key, values in found.items()}
