"""Where the seconds went."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.plots.looks import HUES, Style
from analysis.plots.style import rows_of_rules
from analysis.plots.ticks import linear_ticks
from experiments.records import PHASES

APART = ("compile_s", "evaluation_s")  # once per installation; the judge's time, not the rule's
SHOWN = [phase for phase in PHASES if phase not in APART]
SHADES = [
    shade for i in (0, 2, 1) for shade in (HUES[hue][i] for hue in ("teal", "olive", "violet", "rose", "brown", "grey"))
]
COLOURS = dict(zip(SHOWN, SHADES, strict=False))


def wall_clock_split(runs: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """Seconds per 1,000 training steps of one environment, by phase, the mean over runs; APART left out."""
    for y, label in enumerate(style):
        part = runs[(runs.label == label) & (runs.env_steps > 0)]
        left = 0.0
        for phase in SHOWN:
            width = float(np.mean(1000 * part[phase] / part.env_steps)) if len(part) else 0.0
            ax.barh(y, width, left=left, height=0.7, color=COLOURS[phase], edgecolor="white", linewidth=0.3)
            left += width
    ax.set_xlabel("s per 1,000 steps")
    linear_ticks(ax.xaxis, 4)
    return rows_of_rules(ax, style)
