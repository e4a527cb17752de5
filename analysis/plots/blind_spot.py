"""What a step does where its batch does not look, and what came of it: around a fall, or along a run that keeps."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from analysis.plots.looks import Style
from analysis.plots.style import QUIET
from analysis.plots.ticks import linear_ticks, log_ticks

NAMES = {
    "return_mean": "return",
    "signal": "signal",
    "kept": "hindsight / promise",
    "start_kl_ratio": "KL at starts",
    "start_weight": "advantage² at starts",
}
RATIOS = ("start_kl_ratio", "start_weight")  # on logarithmic axes
KEPT = (-1.0, 1.5)  # what is shown of a ratio whose denominator may be next to nothing
PLACES = 60  # of a median's points along a panel


def around_fall(traces: pd.DataFrame, ax: Axes, style: Style, quantity: str) -> Axes:
    """One of NAMES for the runs of one environment (`analysis.blind_spot.traces`).

    A thin line per run; thick: the median, where it is of half of them or more. Dashed: the fall.
    """
    width = max(float(np.ptp(traces.since)) / PLACES, 1.0)
    logarithmic = quantity in RATIOS
    for label, part in traces.groupby("label"):
        look, shown = style[str(label)], part.assign(shown=part[quantity], at=(part.since / width).round() * width)
        shown = shown[shown.shown > 0] if logarithmic else shown.dropna(subset=["shown"])
        lines = [run[["since", "shown"]].to_numpy(float) for _, run in shown.groupby("run_id")]
        ax.add_collection(LineCollection(lines, linewidths=0.5, colors=look.color, alpha=0.35))
        by_place = shown.groupby("at")
        middle = by_place.shown.median()[by_place.run_id.nunique() >= part.run_id.nunique() / 2]
        ax.plot(middle.index, middle, linewidth=1.3, label=str(label), **look.line)
    _view(ax, traces[quantity].to_numpy(float), quantity)
    aligned = bool(traces.aligned.any())
    if aligned:
        ax.axvline(0, color="0.4", linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    else:
        ax.set_xlim(left=0)
    if quantity not in ("return_mean", "signal"):
        ax.axhline(1, **QUIET)
    if quantity in ("signal", "kept"):
        ax.axhline(0, **QUIET)
    ax.set_xlabel("since the fall" if aligned else "steps")
    ax.set_ylabel(NAMES[quantity])
    linear_ticks(ax.xaxis, 2)
    return ax


def _view(ax: Axes, values: np.ndarray, quantity: str) -> None:
    """All but one in a hundred values on each side, and of `kept` no more than KEPT."""
    logarithmic = quantity in RATIOS
    known = values[np.isfinite(values) & ((values > 0) | (not logarithmic))]
    if not len(known):
        return
    low, high = np.quantile(known, [0.01, 0.99])
    if quantity == "kept":
        low, high = max(low, KEPT[0]), min(high, KEPT[1])
    if logarithmic:
        ax.set_yscale("log")
        ax.set_ylim(min(low, 0.8) / 1.2, max(high, 1.25) * 1.2)
        log_ticks(ax.yaxis)
        return
    room = 0.06 * (high - low) or 1.0
    ax.set_ylim(low - room, high + room)
    linear_ticks(ax.yaxis)
