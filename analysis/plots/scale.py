"""What an environment step costs as batch, network, environments and jobs grow."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from analysis.plots.looks import HUES
from analysis.plots.ticks import log_ticks

LINES = {"whole update": "microseconds", "rollout": "rollout_microseconds"}
NAMES = {
    "batch": "steps per update",
    "width": "width of both layers",
    "environments": "environments",
    "jobs": "jobs, a core each",
}


def scale(rows: pd.DataFrame, ax: Axes) -> Axes:
    """Microseconds per environment step against one axis, both logarithmic.

    `rows` has value, microseconds and rollout_microseconds for one axis of `tests/benchmarks/test_scale.py`.
    """
    rows = rows.sort_values("value")
    for (name, column), marker, hue in zip(LINES.items(), "os", ("violet", "teal"), strict=True):
        ax.plot(rows["value"], rows[column], marker=marker, color=HUES[hue][0], markersize=3, linewidth=1.2, label=name)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(list(rows["value"]), [f"{value:,}" for value in rows["value"]], rotation=45)
    ax.xaxis.set_minor_locator(NullLocator())
    log_ticks(ax.yaxis)
    ax.set_xlabel(NAMES[rows["axis"].iloc[0]])
    ax.set_ylabel("µs per environment step")
    return ax
