"""What became of runs, against the radius of their steps and against how long that is for the noise."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from analysis.plots.looks import Style
from analysis.plots.ticks import linear_ticks, log_ticks

NAMES = {"radius": "radius, nats", "strain": "radius x noise scale / batch", "lost": "lost", "last": "last score"}


def against(runs: pd.DataFrame, ax: Axes, style: Style, outcome: str, x: str) -> Axes:
    """A dot per run of one environment, and a thin line through the means of each label."""
    for label, look in style.items():
        part = runs[runs.label == label].dropna(subset=[outcome])
        if len(part):
            point: dict[str, Any] = look.point | {"markersize": 3}
            ax.plot(part[x], part[outcome], **point)
            middle = part.groupby(x)[outcome].mean()
            ax.plot(middle.index, middle, color=look.color, linewidth=0.6, alpha=0.7)
    ax.set_xscale("log")
    log_ticks(ax.xaxis)
    ax.set_ylim(-0.05, 1.05)
    linear_ticks(ax.yaxis, 4)
    ax.set_xlabel(NAMES[x])
    ax.set_ylabel(NAMES[outcome])
    return ax
