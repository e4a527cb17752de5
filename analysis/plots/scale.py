"""What an environment step costs as batch, network, environments and jobs grow."""

import pandas as pd
from matplotlib.axes import Axes

LINES = {"whole update": "microseconds", "stepping the environments": "stepping_microseconds"}
NAMES = {
    "batch": "steps per update",
    "width": "width of both layers",
    "environments": "environments",
    "jobs": "jobs, a core each",
}

TICKS = [base * 10**power for power in range(6) for base in (1, 3)]


def scale(rows: pd.DataFrame, ax: Axes) -> Axes:
    """Microseconds per environment step against one axis, both logarithmic.

    `rows` has value, microseconds and stepping_microseconds for one axis of `tests/benchmarks/test_scale.py`.
    """
    rows = rows.sort_values("value")
    for (name, column), marker in zip(LINES.items(), "os", strict=True):
        ax.plot(rows["value"], rows[column], marker=marker, markersize=3, linewidth=1.2, label=name)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(list(rows["value"]), [f"{value:,}" for value in rows["value"]], rotation=45)
    low, high = ax.get_ylim()
    ticks = [tick for tick in TICKS if low <= tick <= high]
    ax.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel(NAMES[rows["axis"].iloc[0]])
    ax.set_ylabel("µs per environment step")
    return ax
