"""What tuning gains: per environment or once for all, by the number of settings tried, and by each hyper-parameter."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.plots.looks import Style
from analysis.plots.style import QUIET
from analysis.plots.ticks import linear_ticks, log_ticks


def sensitivity_plane(summary: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """A dot per rule: score tuned per environment against score at one setting for all (Adkins et al. 2024, figure 1).

    The higher over the diagonal, the more a rule owes to being tuned anew for every environment.
    """
    for rule, one, each in zip(summary.rule, summary.one, summary.each, strict=True):
        ax.plot([float(one)], [float(each)], label=str(rule), **style[str(rule)].point)
    values = summary[["one", "each"]].to_numpy(float)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.06 * max(high - low, 0.1)
    ax.plot([low - room, high + room], [low - room, high + room], **QUIET)
    ax.set_xlim(low - room, high + room)
    ax.set_ylim(low - room, high + room)
    linear_ticks(ax.xaxis)
    linear_ticks(ax.yaxis)
    ax.set_xlabel("score, one setting for all environments")
    ax.set_ylabel("score, tuned per environment")
    return ax


def best_of_k(frame: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """A line per rule: expected score of the best of k settings, with its interval over environments at both ends."""
    for rule, look in style.items():
        part = frame[frame.rule == rule].sort_values("k")
        if len(part):
            ax.plot(part.k, part.estimate, label=rule, linewidth=1.4, **look.line)
    ax.set_xscale("log", base=2)
    log_ticks(ax.xaxis)
    linear_ticks(ax.yaxis)
    ax.set_xlabel("settings tried per environment")
    ax.set_ylabel("expected score of the best")
    return ax


def response(part: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """One hyper-parameter of one rule: a dot per setting and environment, the default's value as a line.

    `part` is that of `responses`, of one rule and parameter; `style` is of environments. Other hyper-parameters vary
    along, so the spread at one value is theirs and the seeds'.
    """
    numeric = pd.to_numeric(part["value"], errors="coerce").notna().all()
    x = part["value"].astype(float) if numeric else part["place"]
    for env, look in style.items():
        here = (part.env == env).to_numpy()
        ax.plot(x[here], part.score[here], **(look.point | {"markersize": 2.5}), label=env)
    for at in sorted(set(x[part.default.to_numpy(bool)])):
        ax.axvline(at, **QUIET)
    if numeric and (x > 0).all() and x.max() > 5 * x.min():
        ax.set_xscale("log")
        log_ticks(ax.xaxis)
    elif numeric:
        linear_ticks(ax.xaxis, 4)
    else:
        places = part.drop_duplicates("value").sort_values("place")
        ax.set_xticks(places.place.to_list(), list(map(str, places["value"])))
    linear_ticks(ax.yaxis)
    ax.set_xlabel(str(part.parameter.iloc[0]))
    ax.set_ylabel("score")
    return ax


def changes(worth: pd.DataFrame, effects: pd.DataFrame, ax: Axes, style: Style) -> Axes:
    """A row per change of a shared setting, the first on top: a dot per environment, and the mean with its interval.

    The frames are those of `analysis.tuning.shared`; `style` is of environments.
    """
    rows = worth[["setting", "value", "difference", "low", "high"]].to_dict("records")[::-1]
    for y, row in enumerate(rows):
        part = effects[(effects.setting == row["setting"]) & (effects["value"] == row["value"])]
        for env, mean in part.groupby("env").difference.mean().items():
            ax.plot([float(mean)], [y], **(style[str(env)].point | {"markersize": 3}))
        ax.plot([row["low"], row["high"]], [y, y], color="black", linewidth=1.2)
        ax.plot([row["difference"]], [y], color="black", marker="|", markersize=8)
    ax.axvline(0, **QUIET)
    ax.set_yticks(range(len(rows)), [f"{row['setting']} = {row['value']}" for row in rows])
    linear_ticks(ax.xaxis)
    ax.set_xlabel("score with the change less score without")
    return ax
