"""How far each update moved the policy, against the radius where a rule has one, and whether its model was right."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.plots.curves import spread_of_runs
from analysis.plots.looks import Style
from analysis.plots.ticks import linear_ticks, log_ticks

FLOOR = 1e-7  # nats; smaller moves are drawn here
LEAST = 1e-3  # ratios
LONG = 400  # updates from which medians and ranges are taken over neighbours too
NAMES = {
    "kl": "mean KL(old || new), nats",
    "kl_ratio": "mean KL / radius",
    "max_kl_ratio": "largest KL / radius",
    "quadratic_kl_ratio": "quadratic KL / radius",
    "agreement": "actual / predicted gain",
    "radius": "radius, nats",
}
AGREEMENTS = (-0.5, 2.0)  # what is shown of a ratio whose denominator may be next to nothing


def with_ratios(updates: pd.DataFrame) -> pd.DataFrame:
    """Updates of rules that have a radius, with each divergence over it."""
    bounded = updates[updates.radius > 0]
    ratios = {f"{name}_ratio": bounded[name] / bounded.radius for name in ("kl", "max_kl", "quadratic_kl")}
    return bounded.assign(**ratios)


def over_updates(updates: pd.DataFrame, ax: Axes, style: Style, quantity: str = "kl") -> Axes:
    """One of NAMES over the updates of one environment: median over runs, and their range.

    Beside a mean KL stands the rule's radius, dashed; beside a ratio, one.
    """
    floor = _floor(quantity)
    for label, part in updates.groupby("label"):
        look = style[str(label)]
        shown = part.assign(shown=part[quantity].clip(lower=floor), at=_neighbours(part))
        middle = shown.groupby("at").shown.median()
        ax.plot(middle.index, middle, linewidth=1.2, label=str(label), **look.line)
        spread_of_runs(shown.pivot_table("shown", "at", "seed", "median"), ax, look)
        if quantity == "kl":
            radius = part.dropna(subset="radius").groupby("env_steps").radius.median()
            ax.plot(radius.index, radius, color=look.color, linewidth=0.7, linestyle=(0, (4, 3)))
    _view(ax, updates[quantity], floor)
    if quantity == "agreement" or quantity.endswith("_ratio"):
        ax.axhline(1, color="0.4", linewidth=0.7, linestyle=(0, (4, 3)), zorder=1)
    ax.set_xlabel("environment steps")
    ax.set_ylabel(NAMES[quantity])
    linear_ticks(ax.xaxis, 4)
    return ax


def _floor(quantity: str) -> float:
    """Below which values of a logarithmic axis are drawn on it; none for the agreement, whose axis is linear."""
    if quantity == "agreement":
        return -np.inf
    return LEAST if quantity.endswith("_ratio") else FLOOR


def _neighbours(part: pd.DataFrame) -> pd.Series:
    """The step that each update is shown at: its own, or in long runs the last of its neighbours'."""
    steps = np.sort(part.env_steps.unique())
    together = -(-len(steps) // LONG)
    ends = steps[np.minimum(np.arange(len(steps)) // together * together + together - 1, len(steps) - 1)]
    return part.env_steps.map(dict(zip(steps, ends, strict=True)))


def _view(ax: Axes, values: pd.Series, floor: float) -> None:
    if not np.isfinite(values).any():  # a scale of nothing has no logarithm
        return
    if not np.isfinite(floor):
        ax.set_ylim(*AGREEMENTS)
        linear_ticks(ax.yaxis)
        return
    ax.set_yscale("log")
    low, high = np.nanquantile(values.clip(lower=floor), [0.005, 0.995])
    ax.set_ylim(max(low / 2, floor), min(high * 2, 1e3))
    log_ticks(ax.yaxis)
