"""Rules side by side: a dot per run, and the interquartile mean with its interval."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.across import pooled_iqm, stratified_interval
from analysis.inference import Interval, trimmed_t_interval
from analysis.plots.style import Style, rows_of_rules


def comparison(measures: pd.DataFrame, ax: Axes, style: Style, measure: str) -> Axes:
    """`measure` of the runs of one environment, one row per label; a rule with missing runs has no aggregate."""
    for y, label in enumerate(style):
        part = measures[measures.label == label]
        values = part[measure].to_numpy(float) if measure in part else np.array([])
        incomplete = (part.status == "missing").any()
        draw_row(ax, y, values[np.isfinite(values)], style[label], None if incomplete else trimmed_t_interval(values))
    return _between_levels(ax, style)


def pooled_comparison(measures: pd.DataFrame, ax: Axes, style: Style, measure: str) -> Axes:
    """The same over all environments of the matrix, runs pooled and resampled within each."""
    for y, label in enumerate(style):
        part = measures[measures.label == label]
        samples = [group[measure].to_numpy(float) for _, group in part.groupby("env")]
        incomplete = (part.status == "missing").any() or part[measure].isna().any()
        draw_row(ax, y, np.array([]), style[label], None if incomplete else stratified_interval(pooled_iqm, samples))
    return _between_levels(ax, style)


def draw_row(ax: Axes, y: int, values: np.ndarray, look: dict[str, object], interval: Interval | None) -> None:
    """A dot per value, under the estimate and its interval."""
    colour = look["color"]
    ax.scatter(values, np.full(len(values), y + 0.22), s=9, color=colour, alpha=0.6, linewidths=0)
    if interval is not None and np.isfinite(interval.estimate):
        ax.plot([interval.low, interval.high], [y, y], color=colour, linewidth=1.4)
        ax.plot(interval.estimate, y, "o", color=colour, markersize=4.5, markeredgecolor="white", markeredgewidth=0.6)


def _between_levels(ax: Axes, style: Style) -> Axes:
    for at in (0, 1):
        ax.axvline(at, color="0.7", linewidth=0.6, linestyle=":", zorder=0)
    return rows_of_rules(ax, style)
