"""Figures of a landscape: the return around a policy, its surrogates and bounds, and trust regions."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from analysis.plots.looks import DASHES, HUES
from analysis.plots.ticks import linear_ticks
from experiments.records import LandscapeRow

Curves = dict[str, dict[str, Any]]  # column -> how its line is drawn


def _line(label: str, hue: str, dash: int = 0, width: float = 1.2) -> dict[str, Any]:
    return {"label": label, "color": HUES[hue][0], "linestyle": DASHES[dash], "linewidth": width}


CURVES: Curves = {
    "return_mean": {"label": "return", "color": "black", "linewidth": 1.8},
    "surrogate": _line("surrogate L", "violet"),
    "quadratic": _line("quadratic model", "red", 1),
    "penalized": _line("L - beta KL", "teal", 2),
}
BOUNDS: Curves = {
    "return_mean": CURVES["return_mean"],
    "surrogate": {**CURVES["surrogate"], "linestyle": (0, (4, 4))},  # over the return, which it cannot be told from
    "bound": _line("lower bound M", "olive"),
    "average_bound": _line("bound by the mean TV", "rose", 2),
}
REGIONS: Curves = {
    "norm": {"label": "ball in parameters", "linestyle": (0, (6, 1.5, 1.5, 1.5))},
    "quadratic_kl": {"label": "KL ellipse", "linestyle": "--"},
    "kl": {"label": "true KL", "linestyle": "-"},
}
LEVELS = 25
_MARKERS = {"policy": "o", "gradient step": ">", "natural step": "*"}
_HALO = [withStroke(linewidth=2.2, foreground="black")]


def along(line: pd.DataFrame, ax: Axes, radius: float) -> Axes:
    """Returns along one direction's `radius` window. Grey: where the true mean KL is within `radius`; at the dashed
    edges the quadratic KL is. A band is the standard error of the return's difference from the middle.
    """
    line = line.sort_values("t")
    ax.axvspan(*within(line, radius), color="0.93", linewidth=0, zorder=0)
    for edge in (-1, 1):
        ax.axvline(edge, color="0.6", linewidth=0.8, linestyle=(0, (5, 3)), zorder=0.5)
    low, high = line.return_mean - line.return_se, line.return_mean + line.return_se
    ax.fill_between(line.t, low, high, color="black", alpha=0.2, linewidth=0)
    _curves(line, ax, CURVES)
    ax.set_xlim(line.t.min(), line.t.max())
    return _labels(ax, line, "discounted return")


def touching(line: pd.DataFrame, ax: Axes) -> Axes:
    """Gains along one direction's `bound` window: so near that return and surrogate are one straight line."""
    line = line.sort_values("t")
    here = line.return_mean.iloc[int(line.t.abs().argmin())]
    gains = line.assign(**{name: line[name] - here for name in BOUNDS})
    _curves(gains, ax, BOUNDS)
    best, top = int(gains.bound.argmax()), gains.return_mean.abs().max()
    ax.plot(gains.t.iloc[best], gains.bound.iloc[best], "v", color=BOUNDS["bound"]["color"], markersize=4.5)
    ax.set_xlim(gains.t.min(), gains.t.max())
    ax.set_ylim(-3 * top, 1.2 * top)
    return _labels(ax, gains, "gain of the return")


def within(line: pd.DataFrame, radius: float) -> tuple[float, float]:
    """Between which t the true mean KL stays within `radius`, going out from 0 on a line sorted by t."""
    t, over = line.t.to_numpy(float), line.kl.to_numpy(float) - radius
    edges = []
    for side in (t <= 0, t >= 0):
        outward = np.argsort(np.abs(t[side]))
        places, excess = t[side][outward], over[side][outward]
        beyond = np.flatnonzero(excess > 0)
        if not len(beyond):
            edges.append(float(places[-1]))
            continue
        k = beyond[0]
        edges.append(float(np.interp(0.0, excess[k - 1 : k + 1], places[k - 1 : k + 1])))
    return edges[0], edges[1]


def _curves(line: pd.DataFrame, ax: Axes, curves: Curves) -> None:
    for name, look in curves.items():
        ax.plot(line.t, line[name], **look)


def _labels(ax: Axes, line: pd.DataFrame, what: str) -> Axes:
    here = int(line.t.abs().argmin())
    ax.plot(
        line.t.iloc[here],
        line.return_mean.iloc[here],
        "o",
        color="white",
        markeredgecolor="black",
        markersize=4.5,
        zorder=5,
    )
    ax.set_xlabel("t, steps to the KL radius")
    ax.set_ylabel(what)
    linear_ticks(ax.xaxis, 4)
    linear_ticks(ax.yaxis)
    return ax


def returns_window(lines: pd.DataFrame) -> tuple[float, float]:
    """Limits for y that hold the return wherever it was read, and the surrogate within the trust region."""
    shown = pd.concat([lines.return_mean, lines.surrogate[lines.t.abs() <= 1]])
    margin = 0.06 * (shown.max() - shown.min()) or 1.0
    return float(shown.min() - margin), float(shown.max() + margin)


def levels_of(plane: pd.DataFrame) -> np.ndarray:
    """Equal steps between the lowest and the highest return of a plane."""
    low, high = plane.return_mean.min(), plane.return_mean.max()
    return np.linspace(low, high if high > low else low + 1.0, LEVELS)


def plane(frame: pd.DataFrame, ax: Axes, landscape: LandscapeRow, column: str = "return_mean") -> QuadContourSet:
    """`column` over a plane as colours, with the trust regions of the row `landscape`, both steps to the radius, and
    the contour of what the policy itself returns. Colours stand for `levels_of` in every column; what is beyond them
    has the last one. The filled contours come back, for a colour bar.
    """
    grid = {name: frame.pivot_table(index="y", columns="x", values=name) for name in (column, *REGIONS)}
    x, y = grid[column].columns.to_numpy(float), grid[column].index.to_numpy(float)
    levels = levels_of(frame)
    filled = ax.contourf(x, y, grid[column], levels=levels, cmap="viridis", extend="both")
    middle = frame[column].iloc[int((frame.x**2 + frame.y**2).argmin())]
    if grid[column].to_numpy().min() < middle < grid[column].to_numpy().max():
        ax.contour(x, y, grid[column], levels=[middle], colors="white", linewidths=0.6, linestyles="solid")
    edges = {"norm": landscape.ball, "quadratic_kl": landscape.radius, "kl": landscape.radius}
    for name, look in REGIONS.items():
        drawn = ax.contour(x, y, grid[name], levels=[edges[name]], colors="white", linewidths=1.1)
        drawn.set(linestyle=look["linestyle"], path_effects=_HALO)
    for (at_x, at_y), marker in zip(_steps(landscape), _MARKERS.values(), strict=True):
        ax.plot(at_x, at_y, marker, color="white", markeredgecolor="black", markeredgewidth=0.8, markersize=6)
    ax.set_aspect("equal")
    ax.set_xlabel("along the gradient")
    ax.set_ylabel("towards the natural direction")
    linear_ticks(ax.xaxis, 4)
    linear_ticks(ax.yaxis, 4)
    ax.grid(visible=False)
    return filled


def _steps(landscape: LandscapeRow) -> list[tuple[float, float]]:
    return [(0.0, 0.0), (landscape.ball, 0.0), (landscape.natural_x, landscape.natural_y)]


def plane_legend() -> dict[str, Line2D]:
    """What the lines and marks on a plane are."""
    lines = {
        str(look["label"]): Line2D(
            [], [], color="white", linestyle=look["linestyle"], linewidth=1.1, path_effects=_HALO
        )
        for look in REGIONS.values()
    }
    marks = {
        name: Line2D([], [], color="white", marker=marker, linestyle="", markeredgecolor="black", markersize=6)
        for name, marker in _MARKERS.items()
    }
    return lines | marks
