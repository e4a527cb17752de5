"""Figures of forks: the gain that a step promised, its gain on held-out episodes, its true gain, and its length."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.inference import trimmed_t_interval
from analysis.plots.comparison import draw_row
from analysis.plots.looks import Style
from analysis.plots.style import QUIET, rows_of_rules
from analysis.plots.ticks import linear_ticks, log_ticks, short

LOGARITHMIC = ("kl", "max_kl", "step_norm")
FLOOR = 1e-5  # smaller moves are drawn here
FAR = 30  # medians from 0: a scale that is linear so far would show nothing of the rest
LADDER = {"promised": ">", "on_batch": "s", "held_out": "D", "gain": "o"}
NAMES = {
    "promised": "promised by the linear model",
    "on_batch": "surrogate on the batch",
    "held_out": "surrogate on held-out episodes",
    "gain": "true gain",
    "exact_surrogate_gain": "exact surrogate",
    "kl": "mean KL",
    "max_kl": "largest KL",
    "step_norm": "length in parameters",
    "gradient_cosine": "cosine with the gradient",
    "natural_cosine": "cosine with the natural direction",
    "held_out_cosine": "cosine with the held-out gradient",
    "true_cosine": "cosine with the exact gradient",
}


def gains(forks: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """True gain of one stage: a dot per seed, IQM and interval, one row per rule in the order of `style`."""
    _rows(ax, style, forks.gain, "true gain")
    for y, (label, look) in enumerate(style.items()):
        values = forks.gain[forks.label == label].to_numpy(float)
        draw_row(ax, y, values, look, trimmed_t_interval(values))
    return ax


def ladder(forks: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """Four gains of each rule in one stage, IQM over seeds, from what was promised to what came."""
    _rows(ax, style, pd.concat([forks[name] for name in LADDER]), "gain, in units of the return")
    for y, (label, look) in enumerate(style.items()):
        part = forks[forks.label == label]
        found = [(trimmed_t_interval(part[name].to_numpy(float)).estimate, mark) for name, mark in LADDER.items()]
        known = [value for value, _ in found if np.isfinite(value)]
        if known:
            ax.plot([min(known), max(known)], [y, y], color="0.8", linewidth=0.8, zorder=1)
        for value, mark in found:
            face = look.color if mark == LADDER["gain"] else "white"
            ax.plot(value, y, mark, markersize=3.5, color=look.color, markerfacecolor=face, markeredgewidth=0.8)
    return ax


def ladder_handles() -> dict[str, Line2D]:
    """The legend of `ladder`."""
    look = {"color": "0.3", "linestyle": "", "markersize": 4}
    return {
        NAMES[name]: Line2D([], [], marker=mark, markerfacecolor="0.3" if name == "gain" else "white", **look)  # type: ignore[arg-type]
        for name, mark in LADDER.items()
    }


def gain_against(forks: pd.DataFrame, ax: Axes, style: Style, x: str) -> Axes:
    """True gain of one stage against another column: IQM of both and the gain's interval, a mark per rule."""
    if x in LOGARITHMIC:
        ax.set_xscale("log")
    else:
        _scale(ax, forks[x], "x")
    _scale(ax, forks.gain, "y")
    for label, look in style.items():
        part = forks[forks.label == label]
        values = part[x].clip(lower=FLOOR) if x in LOGARITHMIC else part[x]
        where = trimmed_t_interval(values.to_numpy(float)).estimate
        found = trimmed_t_interval(part.gain.to_numpy(float))
        ax.plot([where, where], [found.low, found.high], color=look.color, linewidth=0.6, alpha=0.6)
        mark: dict[str, Any] = {"marker": look.marker, "color": look.color, "label": label}
        ax.plot(where, found.estimate, markersize=4.5, markeredgecolor="white", markeredgewidth=0.4, zorder=3, **mark)
    if x in LOGARITHMIC:
        log_ticks(ax.xaxis)
    ax.axhline(0, **QUIET)
    ax.set_xlabel(NAMES[x])
    ax.set_ylabel("true gain")
    return ax


def explained(found: pd.DataFrame, ax: Axes) -> Axes:
    """Spearman's rho with the true gain of one stage, one row per quantity."""
    for y, row in enumerate(found.to_dict("records")):
        ax.plot([row["rho_low"], row["rho_high"]], [y, y], color="0.35", linewidth=1.4)
        ax.plot(row["rho"], y, "o", color="0.15", markersize=4)
    ax.set_yticks(range(len(found)), [NAMES[name] for name in found.predictor])
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.set_xlim(-1.05, 1.05)
    ax.axvline(0, **QUIET)
    linear_ticks(ax.xaxis)
    ax.set_xlabel("rank correlation")
    ax.grid(axis="y", visible=False)
    return ax


def _rows(ax: Axes, style: Style, values: "pd.Series[float]", name: str) -> None:
    """A row per rule on a scale for these values."""
    _scale(ax, values, "x")
    ax.axvline(0, **QUIET)
    ax.set_xlabel(name)
    rows_of_rules(ax, style)


def _scale(ax: Axes, values: "pd.Series[float]", axis: str) -> None:
    """Linear around 0 (shaded), as far as half of the values go, and logarithmic beyond, if some go much further."""
    known = values.to_numpy(float)
    known = known[np.isfinite(known) & (known != 0)]
    if not len(known) or np.abs(known).max() < FAR * np.median(np.abs(known)):
        linear_ticks(getattr(ax, f"{axis}axis"), 4)
        return
    linear = float(10 ** np.round(np.log10(np.median(np.abs(known)))))
    getattr(ax, f"set_{axis}scale")("symlog", linthresh=linear)
    shade = ax.axvspan if axis == "x" else ax.axhspan
    shade(-linear, linear, color="0.95", linewidth=0, zorder=-1)
    up, down = _decades(known.max(), linear), _decades(-known.min(), linear)
    where = getattr(ax, f"{axis}axis")
    where.set_major_locator(FixedLocator([*(-tick for tick in down), 0, *up]))
    where.set_major_formatter(FuncFormatter(short))
    where.set_minor_locator(NullLocator())


def _decades(end: float, start: float, most: int = 2) -> list[float]:
    """At most `most` powers of ten from `start` to `end`, the last of them among these."""
    if end < start:
        return []
    powers = np.arange(np.round(np.log10(start)), np.floor(np.log10(end)) + 1)
    stride = -(-len(powers) // most)
    return [float(10**power) for power in powers[::-1][::stride]]
