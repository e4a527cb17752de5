"""Performance profiles: how many runs score how much (Agarwal et al. 2021)."""

import pandas as pd
from matplotlib.axes import Axes

from analysis.plots.looks import Style
from analysis.plots.style import QUIET
from analysis.plots.ticks import linear_ticks


def performance_profile(profiles: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """`analysis.across.profiles`: share of runs above each score with its pointwise band, per label."""
    for label, part in profiles.groupby("label"):
        look = style[str(label)]
        ax.step(part.tau, part.share, where="post", linewidth=1.4, label=str(label), **look.line)
        ax.fill_between(part.tau, part.low, part.high, step="post", color=look.color, alpha=0.12, linewidth=0)
    for at in (0, 1):
        ax.axvline(at, **QUIET)
    ax.set_xlabel("normalised final return τ")
    ax.set_ylabel("share of runs above τ")
    ax.set_ylim(-0.02, 1.02)
    linear_ticks(ax.xaxis)
    linear_ticks(ax.yaxis)
    if len(profiles):
        ax.set_xlim(profiles.tau.min(), profiles.tau.max())
    return ax
