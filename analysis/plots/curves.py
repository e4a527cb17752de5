"""Learning curves: every run thin, the interquartile mean thick, a simultaneous band around it."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.inference import simultaneous_band
from analysis.plots.style import Style, thousands

FILLED = 5  # runs from which a band is a shade


def learning_curve(evaluations: pd.DataFrame, ax: Axes, style: Style, x: str = "grid_step") -> Axes:
    """Sampled-action evaluations of one environment, against `grid_step` or `train_s` (seconds of training).

    Runs meet on the grid; in seconds they are interpolated on the span that all runs of a rule cover. A rule whose runs
    do not all reach the end is drawn as far as all of them go. The view spans the runs, and bands may leave it. Below
    `FILLED` runs a band is so wide that only its edges are drawn.
    """
    shown = evaluations[(evaluations.action == "sampled") & ~evaluations.final]
    low, high = (shown.return_mean.min(), shown.return_mean.max()) if len(shown) else (0.0, 1.0)
    margin = 0.08 * (high - low) or 1.0
    ax.set_ylim(low - margin, high + margin)
    for label, part in shown.groupby("label"):
        look = style[str(label)]
        runs = [run.sort_values("grid_step") for _, run in part.groupby("seed")]
        for run in runs:
            ax.plot(run[x], run.return_mean, linewidth=0.5, alpha=0.45, **look)
        where, curves = aligned(runs, x)
        band = simultaneous_band(curves)
        ax.plot(where, band.centre, linewidth=1.6, zorder=3, **look)
        if len(runs) >= FILLED:
            ax.fill_between(where, band.low, band.high, color=look["color"], alpha=0.12, linewidth=0)
        else:
            for edge in (band.low, band.high):
                ax.plot(where, edge, linewidth=0.7, linestyle=":", color=look["color"])
    ax.set_xlabel("environment steps" if x == "grid_step" else "training seconds")
    ax.set_ylabel("return")
    ax.set_xlim(left=0)
    if x == "grid_step":
        ax.xaxis.set_major_formatter(thousands)
        ax.xaxis.set_major_locator(MaxNLocator(5))
    return ax


def aligned(runs: list[pd.DataFrame], x: str) -> tuple[np.ndarray, np.ndarray]:
    """(points [K] of x, returns [n runs, K]): on the grid as it is, on any other axis interpolated."""
    if x == "grid_step":
        k = min(len(run) for run in runs)
        return runs[0][x].to_numpy(float)[:k], np.stack([run.return_mean.to_numpy(float)[:k] for run in runs])
    end = min(run[x].max() for run in runs)
    points = np.linspace(0, end, max(len(run) for run in runs))
    return points, np.stack([np.interp(points, run[x], run.return_mean) for run in runs])
