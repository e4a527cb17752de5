"""Our learning curves beside those that others published: facts to compare with, measured by other means."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.inference import simultaneous_band
from analysis.plots.curves import BANDED, SHADE, aligned
from analysis.plots.looks import MARKERS, Style
from analysis.plots.names import drawable
from analysis.plots.ticks import linear_ticks
from analysis.published import counterpart

DASHED = (0, (3, 2))


def beside_published(
    points: pd.DataFrame, ax: Axes, style: Style, published: pd.DataFrame, markers: Mapping[str, str]
) -> Axes:
    """Points of one environment (`analysis.plots.curves`), and published curves of the same task.

    `published` has rows as `beside` gives them; `markers`: short source -> marker. A single result is a marker without
    a line.
    """
    for label, part in points.groupby("label"):
        where, curves = aligned(part, "grid_step")
        band = simultaneous_band(curves)
        ax.plot(where, band.centre, linewidth=1.6, zorder=3, label=label, **style[str(label)].line)
        if len(curves) >= BANDED:
            ax.fill_between(where, band.low, band.high, color=style[str(label)].color, alpha=SHADE, linewidth=0)
    for which, part in published.groupby(["source", "label", "env", "algo"], sort=True):
        source, label, *_ = map(str, which)
        curve = part.sort_values("env_step")
        every = max(1, len(curve) // 6)
        ax.plot(
            curve.env_step, curve["mean"], color=style[label].color, linestyle=DASHED, linewidth=0.9, zorder=2,
            marker=markers[short(source)], markersize=3.5, markevery=every, markerfacecolor="white",
            markeredgewidth=0.7,
        )  # fmt: skip
    ax.set_xlim(left=0)
    ax.set_xlabel("environment steps")
    ax.set_ylabel("return")
    linear_ticks(ax.xaxis, 4)
    linear_ticks(ax.yaxis)
    return ax


def source_markers(published: pd.DataFrame) -> dict[str, str]:
    """Short source -> marker, in the order of their names."""
    sources = sorted(set(map(short, published.source.astype(str))))
    return {source: MARKERS[i % len(MARKERS)] for i, source in enumerate(sources)}


def source_handles(markers: Mapping[str, str]) -> dict[str, Line2D]:
    """What a legend shows of each source."""
    look: Any = {"color": "0.4", "linestyle": DASHED, "linewidth": 0.9, "markersize": 3.5, "markerfacecolor": "white"}
    return {source: Line2D([], [], marker=marker, **look) for source, marker in markers.items()}


def short(source: str) -> str:
    """tianshou@829d6359~1 for tianshou@829d6359~1:examples/mujoco/benchmark."""
    return drawable(source.partition(":")[0].partition(" (")[0].partition(" svg")[0])


def beside(published: pd.DataFrame, rules: Mapping[str, str]) -> pd.DataFrame:
    """The published rows of algorithms that are rules here, with the `label` of ours; `rules`: label -> rule."""
    labels: dict[str, str] = {}
    for label, rule in sorted(rules.items(), key=lambda pair: (pair[0] != pair[1], pair[0])):
        labels.setdefault(rule, label)
    found = published.assign(label=[labels.get(counterpart(str(algo)) or "", "") for algo in published.algo])
    return found[found.label != ""]
