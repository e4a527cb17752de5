"""How soon each run reached each threshold."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.measures.efficiency import THRESHOLDS, restricted_time
from analysis.plots.style import Style, rows_of_rules, thousands

SPREAD = 0.19  # between the sub-rows of one rule
EARLY = 0.5  # how much of its colour the lowest threshold has


def time_to_thresholds(measures: pd.DataFrame, ax: Axes, style: Style, unit: str = "steps") -> Axes:
    """Of one environment: a dot per run where it reached a threshold, a sub-row per threshold, the lowest on top.

    A cross stands at the end of a run that never did; the bar is the restricted mean, of min(time, end). The end is
    the budget's, also for a run that failed; its seconds are counted on at its pace.
    `unit` is "steps" or "seconds" (of training, evaluation excluded).
    """
    marks = pd.DataFrame(_marks(measures, style, unit), columns=["x", "y", "colour", "reached", "mean"])
    for kind, dots in marks[~marks["mean"]].groupby("reached"):
        look = {"marker": "o", "linewidths": 0, "zorder": 3} if kind else {"marker": "x", "linewidths": 0.7}
        ax.scatter(dots.x, dots.y, s=7, color=list(dots.colour), clip_on=False, **look)  # type: ignore[arg-type]
    means = marks[marks["mean"]]
    ax.plot(means.x, means.y, "|", color="black", markersize=4.5, markeredgewidth=0.8)
    ax.set_xlabel("environment steps" if unit == "steps" else "training seconds")
    ax.set_xlim(left=0)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    if unit == "steps":
        ax.xaxis.set_major_formatter(thousands)
    return rows_of_rules(ax, style)


def _marks(measures: pd.DataFrame, style: Style, unit: str) -> Iterator[tuple[float, float, object, bool, bool]]:
    for y, (label, look) in enumerate(style.items()):
        part = measures[(measures.label == label) & measures[f"{unit}_to_{THRESHOLDS[0]:g}"].notna()]
        for i, colour in enumerate(_shades(look["color"])):
            reached = np.isfinite(part[f"{unit}_to_{THRESHOLDS[i]:g}"].to_numpy(float))
            times, at = restricted_time(part, THRESHOLDS[i], unit), y + (i - 1.5) * SPREAD
            for time, ever in zip(times, reached, strict=True):
                yield time, at, colour, bool(ever), False
            if len(times):
                yield float(times.mean()), at, colour, True, True


def _shades(colour: object) -> list[tuple[float, ...]]:
    """Light for a low threshold, the rule's own colour for the highest."""
    return [tuple(shade) for shade in sns.blend_palette([*_mixed(colour), colour], len(THRESHOLDS))]


def _mixed(colour: object) -> list[tuple[float, ...]]:
    return [tuple(1 - EARLY * (1 - np.asarray(sns.color_palette([colour])[0])))]


def threshold_handles() -> dict[str, Line2D]:
    """What the marks are."""
    dot = {"linestyle": "", "marker": "o", "markersize": 4, "markeredgewidth": 0}
    marks = {
        f"score {threshold:g}": Line2D([], [], color=shade, **dot)  # type: ignore[arg-type]
        for threshold, shade in zip(THRESHOLDS, _shades((0.1, 0.1, 0.1)), strict=True)
    }
    marks["never"] = Line2D([], [], color="0.3", linestyle="", marker="x", markersize=4)
    return marks | {"restricted mean": Line2D([], [], color="black", linestyle="", marker="|", markersize=6)}
