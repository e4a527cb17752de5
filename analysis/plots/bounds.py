"""What a rule's lower bound claimed, against what came."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.plots.style import Style

MOST = 600  # updates of one rule that are drawn


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

    Both axes are linear about 0 and logarithmic beyond.
    """
    known = bool(gains.known.all())
    ends = np.nanquantile(np.abs(gains[["claimed", "came"]].to_numpy()), [0.1, 1.0]) if len(gains) else (1.0, 1.0)
    linear, far = max(float(ends[0]), 1e-9), max(float(ends[1]), 1e-8)
    for label, part in gains.groupby("label"):
        shown = part.iloc[:: -(-len(part) // MOST)]
        ax.scatter(
            shown.claimed, shown.came, s=5, color=[style[str(label)]["color"]], alpha=0.5, linewidths=0, rasterized=True
        )
    line = np.concatenate([-np.geomspace(far, linear, 50), np.geomspace(linear, far, 50)])
    ax.plot(line, line, color="0.3", linewidth=0.8, zorder=0)
    ax.axhline(0, color="0.7", linewidth=0.6, linestyle=":", zorder=0)
    for scale in (ax.set_xscale, ax.set_yscale):
        scale("symlog", linthresh=linear)
    ax.set_xlabel("gain that the bound claims" if known else "L - beta KL, promised")
    ax.set_ylabel("true gain" if known else "L - beta KL, achieved")
    return ax
