"""What importance weights are worth as a batch is used again and again."""

import pandas as pd
from matplotlib.axes import Axes

from analysis.plots.curves import spread_of_runs
from analysis.plots.looks import Style
from analysis.plots.ticks import linear_ticks, log_ticks

NAMES = {
    "ess": "effective sample size / N",
    "max_weight": "largest share of weight",
    "jackknife_variance": "variance of the estimate",
}


def over_reuses(reuses: pd.DataFrame, ax: Axes, style: Style, quantity: str) -> Axes:
    """One of NAMES against how often the batch had been used before: median over runs of their means, and the range.

    The first use, k = 0, is on policy.
    """
    for label, part in reuses.groupby("label"):
        look = style[str(label)]
        by_run = part.pivot_table(quantity, "k", "seed", "mean")
        middle = by_run.median(axis=1)
        ax.plot(middle.index, middle, marker=look.marker, markersize=2.5, linewidth=1.2, label=str(label), **look.line)
        spread_of_runs(by_run, ax, look)
    ax.set_yscale("linear" if quantity == "ess" else "log")
    if quantity == "ess":
        ax.set_ylim(0, 1.05)
        linear_ticks(ax.yaxis)
    else:
        log_ticks(ax.yaxis)
    ax.set_xlabel("uses before, k")
    ax.set_ylabel(NAMES[quantity])
    linear_ticks(ax.xaxis, integer=True)
    return ax
