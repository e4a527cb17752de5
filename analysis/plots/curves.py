"""Learning curves: every run thin, the interquartile mean thick, a simultaneous band around it."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from analysis.inference import simultaneous_band
from analysis.load import Results
from analysis.measures import curves
from analysis.plots.looks import Look, Style
from analysis.plots.ticks import linear_ticks, log_ticks

BANDED = 5  # runs from which there is a band: with fewer it is wider than the panel
SHADE, MANY = 0.12, 0.36  # how opaque a band is, and all bands of a panel together are at most
CROWD = 60  # runs from which thin lines are pixels in a PDF too
COSTS = {
    "grid_step": "environment steps",
    "gradient_evaluations": "gradient evaluations",
    "fisher_products": "Fisher products",
    "train_s": "training seconds",
}  # the axes that curves can be drawn along, in figures and on the page
FAR = 5.0  # ratio of two rules' costs from which the axis is logarithmic, and begins after step 0
RARE = 0.1  # share of evaluations on each side that need not be in view
LONELY = 1.0  # of the height of all others, from which they are not
IMPUTED = (0, (2, 2))  # the line of a run that is no more


def learning_curve(points: pd.DataFrame, ax: Axes, style: Style, x: str = "grid_step") -> Axes:
    """Points of one environment (`with_cost`, `with_views`), against one of COSTS.

    Runs meet on the grid of steps; IQM and band of a grid point stand at the mean cost of the runs that reached it. A
    run that failed goes on at its imputed return, dashed, from a cross. The view spans
    the runs but for single ones that are far from all others, which it counts; bands may leave it.
    """
    logarithmic = far_apart(points, x)
    shown = points[points[x] > 0] if logarithmic else points
    crowded = shown.groupby(["label", "seed"]).ngroups > CROWD
    for label in style:
        part = shown[shown.label == label]
        if len(part):
            _runs(part, ax, style[label], x, crowded)
            _centre(part, ax, style[label], x, label, min(SHADE, MANY / len(style)))
    _limit(shown, ax)
    ax.set_ylabel("return")
    ax.set_xlabel(COSTS[x])
    linear_ticks(ax.yaxis)
    if logarithmic:
        ax.set_xscale("log")
        log_ticks(ax.xaxis)
    else:
        ax.set_xlim(left=0)
        linear_ticks(ax.xaxis, 4)
    return ax


def curves_of(results: Results) -> pd.DataFrame:
    """`analysis.measures.curves`, to be drawn: without a scale a run that failed stays at its last return."""
    points = curves(results)
    return points.assign(return_mean=points.groupby("run_id").return_mean.ffill()).dropna(subset=["return_mean"])


def with_cost(points: pd.DataFrame, x: str) -> pd.DataFrame:
    """The points of the rules that have any cost of this kind."""
    return points[points.groupby(["env", "label"])[x].transform("max") > 0]


def far_apart(points: pd.DataFrame, x: str) -> bool:
    """Whether one rule pays so much more than another that both show on a logarithmic axis only."""
    ends = points.groupby("label")[x].max()
    return x != "grid_step" and len(ends) > 0 and bool(ends.max() > FAR * ends.min())


def aligned(part: pd.DataFrame, x: str) -> tuple[np.ndarray, np.ndarray]:
    """(mean costs [K], returns [n runs, K]) of one rule's evaluations at the points of their common grid.

    The cost is that of the runs that reached a point themselves; at a point that none reached, the last one known.
    """
    returns = part.set_index(["seed", "grid_step"]).return_mean.unstack()  # noqa: PD010
    costs = part[~part.imputed].groupby("grid_step")[x].mean().reindex(returns.columns)
    known = returns.columns.to_series() if x == "grid_step" else costs.ffill()
    return known.to_numpy(float), returns.to_numpy(float)


def with_views(points: pd.DataFrame, x: str) -> pd.DataFrame:
    """The points with `low` and `high` [return], between which all rules of their environment are shown.

    That is where their interquartile means are, and every run but those that are further from all means than these are
    from each other.
    """
    parts = [part.assign(**_span(part, x)) for _, part in points.groupby("env", sort=False)]
    return pd.concat(parts) if parts else points.assign(low=0.0, high=1.0)


def _span(part: pd.DataFrame, x: str) -> dict[str, float]:
    centres = [simultaneous_band(aligned(rule, x)[1]).centre for _, rule in part.groupby("label")]
    usual = np.concatenate([*centres, part.return_mean.quantile([RARE, 1 - RARE])])
    least, most = np.nanmin(usual), np.nanmax(usual)
    room = LONELY * (most - least)
    low, high = max(part.return_mean.min(), least - room), min(part.return_mean.max(), most + room)
    margin = 0.06 * (high - low) or 1.0
    return {"low": low - margin, "high": high + margin}


def _limit(shown: pd.DataFrame, ax: Axes) -> None:
    """The view, and how many runs leave it."""
    if not len(shown):
        return
    low, high = float(shown.low.iloc[0]), float(shown.high.iloc[0])
    ax.set_ylim(low, high)
    outside = shown[(shown.return_mean < low) | (shown.return_mean > high)]
    if count := outside.groupby(["label", "seed"]).ngroups:
        at, side = (0.98, "top") if (outside.return_mean > high).any() else (0.02, "bottom")
        text = f"{count} run{'s' if count > 1 else ''} beyond the view"
        written = ax.text(0.98, at, text, transform=ax.transAxes, ha="right", va=side, fontsize=6, color="0.3")
        written.set_zorder(6)
        written.set_bbox({"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 0.8})


def _runs(part: pd.DataFrame, ax: Axes, look: Look, x: str, crowded: bool) -> None:
    """Thin lines; where a run is imputed, a cross and a dashed line after it."""
    thin, after, ends = [], [], []
    for _, run in part.groupby("seed"):
        points = run.sort_values("grid_step")
        gone = points.imputed.to_numpy(bool)
        line = points[[x, "return_mean"]].to_numpy(float)
        lived = int((~gone).sum())
        thin.append(line[:lived])
        if gone.any():
            ends.append(line[max(lived - 1, 0)])
            after.append(line[max(lived - 1, 0) :])
    common: dict[str, Any] = {"linewidths": 0.6, "colors": look.color, "rasterized": crowded}
    ax.add_collection(LineCollection(thin, alpha=0.4, **common))
    if ends:
        ax.add_collection(LineCollection(after, alpha=0.4, linestyles=[IMPUTED], **common))
        where = np.array(ends)
        ax.scatter(where[:, 0], where[:, 1], s=14, color=look.color, marker="x", linewidths=1.0, zorder=4)


def _centre(part: pd.DataFrame, ax: Axes, look: Look, x: str, label: str, shade: float) -> None:
    where, curves = aligned(part, x)
    band = simultaneous_band(curves)
    ax.plot(where, band.centre, linewidth=1.6, zorder=3, label=label, **look.line)
    if len(curves) >= BANDED:
        ax.fill_between(where, band.low, band.high, color=look.color, alpha=shade, linewidth=0)


def spread_of_runs(by_run: pd.DataFrame, ax: Axes, look: Look) -> None:
    """Of values [where, run]: the range as a shade, or a thin line per run where there are fewer than BANDED."""
    if by_run.shape[1] >= BANDED:
        ax.fill_between(by_run.index, by_run.min(axis=1), by_run.max(axis=1), color=look.color, alpha=0.12, linewidth=0)
        return
    lines = [run.dropna().reset_index().to_numpy(float) for _, run in by_run.items()]
    ax.add_collection(LineCollection(lines, linewidths=0.6, colors=look.color, alpha=0.4))
