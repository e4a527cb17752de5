"""Time to thresholds, a dot per run."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from analysis.measures.efficiency import THRESHOLDS, restricted_time
from analysis.plots.looks import HUES, Style
from analysis.plots.style import rows_of_rules
from analysis.plots.ticks import linear_ticks

SPREAD = 0.19  # between the sub-rows of one rule
LATE = 0.6  # how much of black the highest threshold has


def time_to_thresholds(measures: pd.DataFrame, ax: Axes, style: Style, unit: str = "steps") -> Axes:
    """Of one environment: a dot per run where it reached a threshold, a sub-row per threshold, the lowest on top.

    Runs at one place are one mark, with their number beside it. A cross stands at the end of a run that never did; the
    bar is the restricted mean, of min(time, end). The end is the budget's, also for a run that failed; its seconds are
    counted on at its pace.
    `unit` is "steps" or "seconds" (of training, evaluation excluded).
    """
    marks = pd.DataFrame(_marks(measures, style, unit), columns=["x", "y", "colour", "reached", "mean"])
    for kind, dots in marks[~marks["mean"]].groupby("reached"):
        look = {"marker": "o", "linewidths": 0, "zorder": 3} if kind else {"marker": "x", "linewidths": 0.7}
        ax.scatter(dots.x, dots.y, s=7, color=list(dots.colour), clip_on=False, **look)  # type: ignore[arg-type]
        for (x, y), runs in dots.groupby(["x", "y"]):
            if len(runs) > 1:
                place: dict[str, Any] = {"xytext": (2.2, 0), "textcoords": "offset points", "va": "center_baseline"}
                ax.annotate(str(len(runs)), (x, y), fontsize=4.5, color=runs.colour.iloc[0], **place)
    means = marks[marks["mean"]]
    ax.plot(means.x, means.y, "|", color="black", markersize=4.5, markeredgewidth=0.8)
    ax.set_xlabel("environment steps" if unit == "steps" else "training seconds")
    ax.set_xlim(left=0)
    linear_ticks(ax.xaxis, 4)
    return rows_of_rules(ax, style)


def _marks(measures: pd.DataFrame, style: Style, unit: str) -> Iterator[tuple[float, float, object, bool, bool]]:
    for y, (label, look) in enumerate(style.items()):
        part = measures[(measures.label == label) & measures[f"{unit}_to_{THRESHOLDS[0]:g}"].notna()]
        for i, colour in enumerate(_shades(look.color)):
            reached = np.isfinite(part[f"{unit}_to_{THRESHOLDS[i]:g}"].to_numpy(float))
            times, at = restricted_time(part, THRESHOLDS[i], unit), y + (i - 1.5) * SPREAD
            for time, ever in zip(times, reached, strict=True):
                yield time, at, colour, bool(ever), False
            if len(times):
                yield float(times.mean()), at, colour, True, True


def _shades(colour: str) -> list[tuple[float, ...]]:
    """The rule's own colour for the lowest threshold, darker for each that is higher."""
    mine = np.array(to_rgb(colour))
    return [tuple(mine * (1 - share)) for share in np.linspace(0, LATE, len(THRESHOLDS))]


def threshold_handles() -> dict[str, Line2D]:
    """Legend entries of the marks."""
    dot = {"linestyle": "", "marker": "o", "markersize": 4, "markeredgewidth": 0}
    marks = {
        f"score {threshold:g}": Line2D([], [], color=shade, **dot)  # type: ignore[arg-type]
        for threshold, shade in zip(THRESHOLDS, _shades(HUES["grey"][2]), strict=True)
    }
    marks["never"] = Line2D([], [], color="0.3", linestyle="", marker="x", markersize=4)
    return marks | {"restricted mean": Line2D([], [], color="black", linestyle="", marker="|", markersize=6)}
