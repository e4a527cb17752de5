"""Why rules differ: what a step promised, what it held elsewhere, what it was worth, and how far it went."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, SymmetricalLogLocator

from analysis.inference import trimmed_t_interval
from analysis.plots.style import DASHES, Style, thousands

MARKERS = dict(zip(DASHES, "os^D", strict=True))  # the second mark of a rule where points stand for lines
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
    for y, (label, look) in enumerate(style.items()):
        values = forks.gain[forks.label == label].to_numpy(float)
        ax.scatter(values, np.full(len(values), y + 0.24), s=6, color=look["color"], alpha=0.6, linewidths=0)
        found, colour = trimmed_t_interval(values), look["color"]
        ax.plot([found.low, found.high], [y, y], color=colour, linewidth=1.4)
        ax.plot(found.estimate, y, "o", color=colour, markersize=4, markeredgecolor="white", markeredgewidth=0.5)
    return _rows(ax, style, forks.gain, "true gain")


def ladder(forks: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """Four gains of each rule in one stage, IQM over seeds, from what was promised to what came."""
    for y, (label, look) in enumerate(style.items()):
        part = forks[forks.label == label]
        found = [(trimmed_t_interval(part[name].to_numpy(float)).estimate, mark) for name, mark in LADDER.items()]
        known = [value for value, _ in found if np.isfinite(value)]
        if known:
            ax.plot([min(known), max(known)], [y, y], color="0.8", linewidth=0.8, zorder=1)
        for value, mark in found:
            face = look["color"] if mark == LADDER["gain"] else "white"
            ax.plot(value, y, mark, markersize=3.5, color=look["color"], markerfacecolor=face, markeredgewidth=0.8)
    return _rows(ax, style, pd.concat([forks[name] for name in LADDER]), "gain, in units of the return")


def ladder_handles() -> dict[str, Line2D]:
    """The legend of `ladder`."""
    look = {"color": "0.3", "linestyle": "", "markersize": 4}
    return {
        NAMES[name]: Line2D([], [], marker=mark, markerfacecolor="0.3" if name == "gain" else "white", **look)  # type: ignore[arg-type]
        for name, mark in LADDER.items()
    }


def gain_against(forks: pd.DataFrame, ax: Axes, style: Style, x: str) -> Axes:
    """True gain of one stage against another column: IQM of both and the gain's interval, a mark per rule."""
    for label, look in style.items():
        part = forks[forks.label == label]
        where = trimmed_t_interval(part[x].to_numpy(float)).estimate
        found = trimmed_t_interval(part.gain.to_numpy(float))
        ax.plot([where, where], [found.low, found.high], color=look["color"], linewidth=0.6, alpha=0.6)
        mark = {"marker": MARKERS[look["linestyle"]], "color": look["color"]}
        ax.plot(where, found.estimate, markersize=4, markeredgecolor="white", markeredgewidth=0.4, zorder=3, **mark)
    if x in ("kl", "max_kl", "step_norm"):
        ax.set_xscale("log")
    else:
        _scale(ax, forks[x], "x")
    _scale(ax, forks.gain, "y")
    ax.axhline(0, color="0.7", linewidth=0.6, linestyle=":", zorder=0)
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
    ax.axvline(0, color="0.7", linewidth=0.6, linestyle=":", zorder=0)
    ax.set_xlabel("rank correlation with the true gain")
    ax.grid(axis="y", visible=False)
    return ax


def _rows(ax: Axes, style: Style, values: "pd.Series[float]", name: str) -> Axes:
    ax.set_yticks(range(len(style)), list(style))
    ax.set_ylim(len(style) - 0.5, -0.5)
    ax.axvline(0, color="0.7", linewidth=0.6, linestyle=":", zorder=0)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(name)
    _scale(ax, values, "x")
    return ax


def _scale(ax: Axes, values: "pd.Series[float]", axis: str) -> None:
    """Linear around 0, as far as half of the values go, and logarithmic beyond, if some go much further."""
    sizes = np.abs(values.to_numpy(float))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if not len(sizes) or sizes.max() < 8 * np.median(sizes):
        return
    linear = float(10 ** np.round(np.log10(np.median(sizes))))
    getattr(ax, f"set_{axis}scale")("symlog", linthresh=linear)
    where = getattr(ax, f"{axis}axis")
    where.set_major_locator(SymmetricalLogLocator(base=10, linthresh=linear))
    where.set_major_formatter(FuncFormatter(thousands))
