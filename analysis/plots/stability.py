"""How steady runs are: one measure a panel, a row per rule; what lies left is better."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.inference import Interval, clopper_pearson, trimmed_t_interval
from analysis.measures import collapsed
from analysis.plots.comparison import draw_row, failed
from analysis.plots.looks import Style
from analysis.plots.style import QUIET, rows_of_rules
from analysis.plots.ticks import linear_ticks

NARROWEST = 0.12  # of a panel, in scores
LOST = "lost half of its peak for five evaluations"  # what `collapsed` says of a run
VIEW = (-1.0, 2.0)  # scores that are drawn where they are
MEASURES = {
    "dispersion_corrected": "dispersion",
    "short_term_risk_excess": "short-term\nrisk",
    "long_term_risk_excess": "long-term\nrisk",
    "max_drawdown_excess": "max\ndrawdown",
    "collapsed": "collapse\nrate",
    "worst": "shortfall\nof worst",
}


def steadiness(measures: pd.DataFrame, ax: Axes, style: Style, measure: str) -> Axes:
    """One of MEASURES for the runs of one environment; a rule with a missing run has no aggregate.

    Risks and drawdown: excess over what evaluation noise alone would give, a dot per run, IQM and trimmed t. Collapse:
    share of `analysis.measures.collapsed` runs; Clopper-Pearson. Worst: 1 - the lowest final score.
    """
    for y, (label, look) in enumerate(style.items()):
        part = measures[measures.label == label]
        complete = len(part) > 0 and not (part.status == "missing").any()
        if measure == "collapsed":
            draw_row(ax, y, np.array([]), look, _collapse_rate(part) if complete else None)
        elif measure == "worst":
            low = float(1 - part.final_sampled_z.min()) if complete else np.nan
            mark = "<" if low < VIEW[0] else ">" if low > VIEW[1] else "o"
            ax.plot(
                np.clip(low, *VIEW),
                y,
                mark,
                color=look.color,
                markersize=4.5,
                markeredgecolor="white",
                markeredgewidth=0.8,
            )
        else:
            values = part[measure].to_numpy(float) if measure in part else np.array([])
            draw_row(ax, y, values, look, trimmed_t_interval(values) if complete else None, failed(part), VIEW)
    ax.axvline(0, **QUIET)
    if measure == "collapsed":
        ax.set_xlim(-0.04, 1.04)
    else:
        low, high = ax.get_xlim()
        room = max(0.0, NARROWEST - (high - low)) / 2
        ax.set_xlim(low - room, high + room)
    linear_ticks(ax.xaxis, 2)
    ax.set_xlabel(MEASURES[measure])
    return rows_of_rules(ax, style)


def _collapse_rate(part: pd.DataFrame) -> Interval:
    return clopper_pearson(int(collapsed(part).sum()), len(part))
