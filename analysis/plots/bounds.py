"""Gains claimed by a rule's lower bound, against true gains."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.plots.looks import Style
from analysis.plots.style import QUIET
from analysis.plots.ticks import log_ticks, powers

MOST = 600  # updates of one rule that are drawn
DECADES = 5  # below the largest value, on a logarithmic scale
RARE = 0.01  # of the updates, on each side of each axis, need not be in view: one that diverged has no end


def with_gains(updates: pd.DataFrame) -> pd.DataFrame:
    """Updates with `claimed` and `came`, where a rule names a bound.

    On problems whose true return is known: the gain that the achieved bound claims, and the true one. Elsewhere, in
    units of the surrogate: L - beta KL as its quadratic model promised it, and as the step achieved it.
    """
    known = updates.true_return_after.notna()
    gain = updates.true_return_after - updates.true_return_before
    claimed = updates.claimed_gain.where(known, updates.predicted_bound)
    came = gain.where(known, updates.achieved_bound)
    return updates.assign(claimed=claimed, came=came, known=known).dropna(subset=["claimed", "came"])


def bound_slack(gains: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """`with_gains` of one environment: a dot per update, evenly thinned to MOST a rule; on the line nothing is slack.

    Both axes are linear about 0 and logarithmic beyond. The view holds all but RARE.
    """
    known = bool(gains.known.all())
    usual = gains[["claimed", "came"]].apply(lambda values: values.clip(*values.quantile([RARE, 1 - RARE])))
    linear, far = _scales(usual)
    for label, part in gains.groupby("label"):
        shown = part.iloc[:: -(-len(part) // MOST)]
        ax.scatter(
            shown.claimed, shown.came, s=7, color=[style[str(label)].color], marker=style[str(label)].marker,
            alpha=0.5, linewidths=0, rasterized=True,
        )  # fmt: skip
    line = np.concatenate([-np.geomspace(far, linear, 50), np.geomspace(linear, far, 50)])
    ax.plot(line, line, color="0.3", linewidth=0.8, zorder=0)
    ax.axhline(0, **QUIET)
    for axis, values in (("x", usual.claimed), ("y", usual.came)):
        view = _view(values, linear)
        if view[0] > 0:  # nothing of the linear part is in view, and powers of ten may be too far apart for it
            ax.set(**{f"{axis}scale": "log", f"{axis}lim": view})
            log_ticks(getattr(ax, f"{axis}axis"))
            continue
        ax.set(**{f"{axis}lim": view})
        getattr(ax, f"set_{axis}scale")("symlog", linthresh=linear)
        where = getattr(ax, f"{axis}axis")
        where.set(major_locator=FixedLocator(_ticks(linear, far, 2 if axis == "x" else 3)), minor_locator=NullLocator())
        where.set_major_formatter(FuncFormatter(powers))
    ax.set_xlabel("gain that the bound claims" if known else "L - beta KL, promised")
    ax.set_ylabel("true gain" if known else "L - beta KL, achieved")
    return ax


def _scales(gains: pd.DataFrame) -> tuple[float, float]:
    """Up to where the axes are linear, and the largest value."""
    sizes = np.abs(gains[["claimed", "came"]].to_numpy(float))
    far = float(sizes.max(initial=0)) or 1.0
    return far / 10**DECADES, far


def _ticks(linear: float, far: float, most: int) -> list[float]:
    """0, and at most so many powers of ten on both sides, the largest among them."""
    low, top = int(np.floor(np.log10(linear))), int(np.floor(np.log10(far)))
    powers = [10.0**e for e in range(top, low, -max(2, -(-(top - low) // most)))]
    return [*(-power for power in powers), 0.0, *powers]


def _view(values: pd.Series, linear: float) -> tuple[float, float]:
    """The data with room around them; a side of 0 only if there are any."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    return low / 2 if low > linear else 2 * min(low, 0.0) - linear, 2 * max(high, 0.0) + linear
