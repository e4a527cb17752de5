"""Rules side by side: a dot per run, and the interquartile mean with its interval."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.across import pooled_iqm, stratified_interval
from analysis.inference import Interval, trimmed_t_interval
from analysis.plots.looks import Look, Style
from analysis.plots.style import QUIET, rows_of_rules
from analysis.plots.ticks import linear_ticks

BELOW = 0.24  # of a row, from the estimate to the dots
VIEW = (-0.5, 1.6)  # scores that are drawn where they are; what is beyond stands at the edge as a triangle


def comparison(measures: pd.DataFrame, ax: Axes, style: Style, measure: str) -> Axes:
    """`measure` of the runs of one environment, one row per label; a rule with missing runs has no aggregate.

    A run that failed is a cross.
    """
    for y, label in enumerate(style):
        part = measures[measures.label == label]
        values = part[measure].to_numpy(float) if measure in part else np.array([])
        whole = not (part.status == "missing").any()
        draw_row(ax, y, values, style[label], trimmed_t_interval(values) if whole else None, failed(part), VIEW)
    return _between_levels(ax, style)


def pooled_comparison(measures: pd.DataFrame, ax: Axes, style: Style, measure: str) -> Axes:
    """The same over all environments of the matrix, runs pooled and resampled within each."""
    for y, label in enumerate(style):
        part = measures[measures.label == label]
        samples = [group[measure].to_numpy(float) for _, group in part.groupby("env")]
        incomplete = (part.status == "missing").any() or part[measure].isna().any()
        draw_row(
            ax,
            y,
            np.array([]),
            style[label],
            None if incomplete else stratified_interval(pooled_iqm, samples),
            None,
            VIEW,
        )
    return _between_levels(ax, style)


def failed(measures: pd.DataFrame) -> np.ndarray:
    """Which runs ended before their budget, bool [n]."""
    return (~measures.status.isin(["ok", "missing"])).to_numpy(bool)


def draw_row(
    ax: Axes,
    y: int,
    values: np.ndarray,
    look: Look,
    interval: Interval | None,
    crossed: np.ndarray | None = None,
    view: tuple[float, float] = (-np.inf, np.inf),
) -> None:
    """A dot per finite value, a cross where it is `crossed`, under the estimate and its interval.

    An estimate without an interval is an open circle. What is beyond the view is a triangle at its edge.
    """
    shown = np.isfinite(values)
    kinds = np.where(np.zeros(len(values), bool) if crossed is None else crossed, "x", "o")
    kinds = np.where(values < view[0], "<", np.where(values > view[1], ">", kinds))
    for mark, size, width in (("o", 9, 0.0), ("x", 10, 0.8), ("<", 14, 0.0), (">", 14, 0.0)):
        these = np.clip(values[shown & (kinds == mark)], *view)
        if len(these) or mark == "o":
            where = np.full(len(these), y + BELOW)
            ax.scatter(these, where, s=size, color=look.color, marker=mark, alpha=0.6, linewidths=width)
    if interval is None or not np.isfinite(interval.estimate):
        return
    bounded = np.isfinite([interval.low, interval.high]).all()
    if bounded:
        ax.plot(np.clip([interval.low, interval.high], *view), [y, y], color=look.color, linewidth=1.4)
    edges: dict[str, Any] = (
        {"markerfacecolor": look.color, "markeredgecolor": "white"} if bounded else {"markerfacecolor": "white"}
    )
    mark = "<" if interval.estimate < view[0] else ">" if interval.estimate > view[1] else "o"
    at = float(np.clip(interval.estimate, *view))
    ax.plot(at, y, mark, color=look.color, markersize=4.5, markeredgewidth=0.8, **edges)


def _between_levels(ax: Axes, style: Style) -> Axes:
    for at in (0, 1):
        ax.axvline(at, **QUIET)
    linear_ticks(ax.xaxis, 4)
    return rows_of_rules(ax, style)
