"""How far each update moved the policy, against the radius where a rule has one."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.plots.style import Style, thousands

FLOOR = 1e-7  # nats; smaller moves are drawn here


def kl_per_update(updates: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """Mean KL(old || new) of one environment's updates: median over runs, and the runs' range as a shade."""
    for label, part in updates.groupby("label"):
        look = style[str(label)]
        by_update = part.assign(kl=part.kl.clip(lower=FLOOR)).groupby("env_steps").kl
        middle, low, high = by_update.median(), by_update.min(), by_update.max()
        ax.plot(middle.index, middle, linewidth=1.0, **look)
        ax.fill_between(low.index, low, high, color=look["color"], alpha=0.15, linewidth=0)
        radius = part.dropna(subset="radius").groupby("env_steps").radius.median()
        ax.plot(radius.index, radius, color=look["color"], linewidth=0.9, linestyle=(0, (4, 3)))
    if len(updates) and np.isfinite(updates.kl).any():  # a scale of nothing has no logarithm
        ax.set_yscale("log")
        low, high = np.nanquantile(updates.kl.clip(lower=FLOOR), [0.005, 0.995])
        ax.set_ylim(max(low / 2, FLOOR), min(high * 2, 1e3))
    ax.set_xlabel("environment steps")
    ax.set_ylabel("mean KL(old || new), nats")
    ax.xaxis.set_major_formatter(thousands)
    ax.locator_params(axis="x", nbins=5)
    return ax
