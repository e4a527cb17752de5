"""Read files of benchmark results: draw one, compare two, machines' speeds cancelled out.

    make bench                                                         (writes results/benchmarks.json)
    python -m analysis.benchmarks results/benchmarks.json              (costs, and the figure of scale beside the file)
    python -m analysis.benchmarks before.json results/benchmarks.json  (what became slower)

A kernel's cost is its time over that of the bare matrix products of its group, a training loop's the simulator's rate
over its own: both were taken in one process, so a faster machine changes neither. What has no such floor is compared by
its raw time, which compares on one machine only, and is marked. Exit code: 0, 1 if something became slower beyond the
noise, 2 if a file cannot be read.
"""

import sys
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import tyro

from analysis import console
from analysis.plots.scale import NAMES, scale
from analysis.plots.style import caption, panels, save, theme
from experiments.records import parse_json, read_regular

FLOOR = "floor"  # in the name of a benchmark that times the bare work of its group
NOTCH = 1.57  # median +- 1.57 IQR / sqrt(n): the 95 % notch of McGill, Tukey and Larsen 1978


@dataclass(frozen=True)
class Arguments:
    before: tyro.conf.Positional[Path]
    """JSON that pytest-benchmark wrote"""
    after: tyro.conf.Positional[Path | None] = None
    """the same, later"""
    tolerance: float = 0.1
    """relative change that is let pass whatever the rounds say: two processes differ by more than their rounds do"""


class BenchmarkError(Exception):
    """The file holds no benchmarks; the message says why."""


def load_benchmarks(file: Path) -> pd.DataFrame:
    """One row per benchmark, indexed by name: group, cost, its relative noise, and whether the cost is raw seconds.

    Floors themselves have no row. Raises BenchmarkError.
    """
    try:
        found = parse_json(read_regular(file))["benchmarks"]
        rows = [_row(entry) for entry in found]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise BenchmarkError(f"{file} is not the JSON of a pytest-benchmark run: {error!r}") from error
    frame = pd.DataFrame(rows, columns=["name", "group", "median", "noise", "ratio"]).set_index("name")
    floors = frame[frame.index.str.contains(FLOOR)].groupby("group")[["median", "noise"]].first()
    joined = frame.join(floors.add_suffix("_floor"), on="group")
    with_ratio = joined["ratio"].notna()
    raw = ~with_ratio & joined["median_floor"].isna()
    frame["cost"] = np.where(with_ratio, 1 / joined["ratio"], joined["median"] / joined["median_floor"].fillna(1))
    frame["noise"] = np.where(with_ratio, 0.0, np.hypot(joined["noise"], joined["noise_floor"].fillna(0)))
    frame["raw"] = raw
    return frame.loc[~frame.index.str.contains(FLOOR), ["group", "cost", "noise", "raw"]]


def _row(entry: dict[str, Any]) -> tuple[Any, ...]:
    stats, extra = entry["stats"], entry["extra_info"]
    noise = NOTCH * stats["iqr"] / sqrt(stats["rounds"]) / stats["median"]
    return entry["name"], entry["group"], stats["median"], noise, extra.get("ratio", float("nan"))


def compare(before: pd.DataFrame, after: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Both costs, their relative change, what of it is noise, and a verdict; a row per benchmark of either file.

    One that has a floor in one of the files alone is "new": its two costs are not of one kind.
    """
    same_kind = before["raw"].reindex(after.index) == after["raw"]
    before = before.drop(before.index.intersection(after.index[~same_kind]))
    both = before.add_suffix("_before").join(after.add_suffix("_after"), how="outer")
    change = both["cost_after"] / both["cost_before"] - 1
    noise = np.maximum(np.hypot(both["noise_before"].fillna(0), both["noise_after"].fillna(0)), tolerance)
    verdict = np.select(
        [both["cost_before"].isna(), both["cost_after"].isna(), change > noise, change < -noise],
        ["new", "gone", "slower", "faster"],
        default="within the noise",
    )
    columns = {"before": both["cost_before"], "after": both["cost_after"], "change": change, "noise": noise}
    raw = both["raw_after"].fillna(both["raw_before"]).astype(bool)
    return pd.DataFrame({**columns, "verdict": verdict, "raw": raw})


def to_markdown(compared: pd.DataFrame) -> str:
    """The comparison as a table."""
    lines = ["| benchmark | cost before | cost after | change | noise | verdict |", "|---|---:|---:|---:|---:|---|"]
    for row in compared.reset_index().to_dict("records"):
        costs = " | ".join(cost_text(row[when], row["raw"]) for when in ("before", "after"))
        change = "" if np.isnan(row["change"]) else f"{row['change']:+.0%}"
        lines.append(f"| {row['name']} | {costs} | {change} | {row['noise']:.0%} | {row['verdict']} |")
    return "\n".join(lines)


def cost_text(cost: float, raw: bool) -> str:
    """Two decimals of a ratio; a raw time with its unit; nothing for nan."""
    if np.isnan(cost):
        return ""
    return f"{1000 * cost:.3g} ms (raw)" if raw else f"{cost:.2f}"


def draw_scale(file: Path) -> list[Path]:
    """The figure `scale` beside the file, a panel per axis; no files if it has no rows of scale."""
    found = parse_json(read_regular(file))["benchmarks"]
    rows = pd.DataFrame([row for entry in found for row in entry["extra_info"].get("rows", ())])
    if rows.empty:
        return []
    with theme():
        groups = [(axis, rows[rows["axis"] == axis]) for axis in NAMES if (rows["axis"] == axis).any()]
        figure, axes = panels(len(groups), columns=4, sharey=True)
        for ax, (_, part) in zip(axes, groups, strict=True):
            scale(part, ax)
            ax.set_ylabel(ax.get_ylabel() if ax is axes[0] else "")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
        caption(figure, "trpo on HalfCheetah-v5, one thread; batch 2,048, 64x64 and 16 environments but for the axis.")
        return save(figure, file.parent, "scale")


def main(arguments: Arguments) -> int:
    """The exit code."""
    try:
        before = load_benchmarks(arguments.before)
        after = before if arguments.after is None else load_benchmarks(arguments.after)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 2
    print("Cost: time over the bare matrix products' (kernel), the simulator's rate over training's (cells).")
    print("(raw): has no floor, so that its times compare on one machine only.\n")
    if arguments.after is None:
        print("\n".join(f"{cost_text(row.cost, row.raw):>16}  {name}" for name, row in before.iterrows()))
        print(*draw_scale(arguments.before), sep="\n")
        return 0
    compared = compare(before, after, arguments.tolerance)
    print(to_markdown(compared))
    return int((compared["verdict"] == "slower").any())


if __name__ == "__main__":
    console.run(main, Arguments, __doc__)
