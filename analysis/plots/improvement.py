"""How likely a run of one rule is to end above a run of another."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from analysis.plots.looks import Style

DARK = 0.36  # distance from one half from which letters are white


def improvement_matrix(improvements: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """`analysis.across.improvements`: P(row above column), with its interval in small print; one half is white."""
    known = set(improvements["first"])
    labels = [label for label in style if label in known]
    values = np.full((len(labels), len(labels)), np.nan)
    numbers = improvements[["probability", "low", "high"]].to_numpy(float)
    for first, second, (probability, low, high) in zip(
        improvements["first"], improvements["second"], numbers, strict=True
    ):
        y, x = labels.index(first), labels.index(second)
        values[y, x] = probability
        ink = "white" if abs(probability - 0.5) > DARK else "black"
        ax.text(x, y - 0.12, f"{probability:.2f}", ha="center", va="center", fontsize=7, color=ink)
        if np.isfinite([low, high]).all():
            small = f"{max(0.0, low):.2f} to {min(1.0, high):.2f}"
            ax.text(x, y + 0.24, small, ha="center", va="center", fontsize=4.6, color=ink)
    ax.imshow(values, cmap=sns.color_palette("vlag", as_cmap=True), vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(labels)), labels, rotation=90)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_xlabel("... this one")
    ax.set_ylabel("a run of this ends above ...")
    ax.grid(visible=False)
    return ax
