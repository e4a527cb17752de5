"""Learning curves: every run thin, the interquartile mean thick, a simultaneous band around it."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from analysis.inference import simultaneous_band
from analysis.plots.style import Style, thousands

FILLED = 5  # runs from which a band is a shade
CROWD = 60  # runs from which thin lines are pixels in a PDF too
COSTS = {
    "grid_step": "environment steps",
    "gradient_evaluations": "gradient evaluations",
    "fisher_products": "Fisher products",
    "train_s": "training seconds",
}
FAR = 5.0  # ratio of two rules' costs from which the axis is logarithmic, and begins after step 0


def learning_curve(evaluations: pd.DataFrame, ax: Axes, style: Style, x: str = "grid_step") -> Axes:
    """Sampled-action evaluations of one environment, against one of COSTS.

    Runs meet on the grid of steps; IQM and band of a grid point stand at the runs' mean cost of reaching it. A rule
    that has no such cost is left out, and one whose runs do not all reach the end is drawn as far as all of them go.
    The view spans the runs, and bands may leave it. Below `FILLED` runs a band is so wide that only its edges are
    drawn.
    """
    shown = with_cost(evaluations, x)
    ends = shown.groupby("label")[x].max()
    logarithmic = x != "grid_step" and len(ends) > 0 and ends.max() > FAR * ends.min()
    if logarithmic:
        shown = shown[shown[x] > 0]
    low, high = (shown.return_mean.min(), shown.return_mean.max()) if len(shown) else (0.0, 1.0)
    margin = 0.08 * (high - low) or 1.0
    ax.set_ylim(low - margin, high + margin)
    crowded = shown.groupby(["label", "seed"]).ngroups > CROWD
    for label, part in shown.groupby("label"):
        look = style[str(label)]
        runs = [run.sort_values("grid_step") for _, run in part.groupby("seed")]
        thin = [run[[x, "return_mean"]].to_numpy(float) for run in runs]
        ax.add_collection(LineCollection(thin, linewidths=0.5, alpha=0.45, rasterized=crowded, **look))
        where, curves = aligned(runs, x)
        band = simultaneous_band(curves)
        ax.plot(where, band.centre, linewidth=1.6, zorder=3, **look)
        if len(runs) >= FILLED:
            ax.fill_between(where, band.low, band.high, color=look["color"], alpha=0.12, linewidth=0)
        else:
            for edge in (band.low, band.high):
                ax.plot(where, edge, linewidth=0.6, alpha=0.6, linestyle=":", color=look["color"])
    ax.set_ylabel("return")
    ax.set_xlabel(COSTS[x])
    if logarithmic:
        ax.set_xscale("log")
        return ax
    ax.set_xlim(left=0)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    if x != "train_s":
        ax.xaxis.set_major_formatter(thousands)
    return ax


def with_cost(evaluations: pd.DataFrame, x: str) -> pd.DataFrame:
    """The sampled-action evaluations on the grid, of the rules that have any cost of this kind."""
    shown = evaluations[(evaluations.action == "sampled") & ~evaluations.final]
    return shown[shown.groupby(["env", "label"])[x].transform("max") > 0]


def aligned(runs: list[pd.DataFrame], x: str) -> tuple[np.ndarray, np.ndarray]:
    """(mean costs [K], returns [n runs, K]) at the grid points that all runs reached."""
    k = min(len(run) for run in runs)
    costs, returns = (np.stack([run[name].to_numpy(float)[:k] for run in runs]) for name in (x, "return_mean"))
    return costs.mean(axis=0), returns
