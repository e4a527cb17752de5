"""What a rule reaches as one of its hyper-parameters goes over orders of magnitude."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.inference import iqm
from analysis.measures import collapsed
from analysis.plots.style import Style, family

FLOOR = -0.35  # normalised scores below are drawn here


def sweeps(measures: pd.DataFrame) -> pd.DataFrame:
    """A row per run and swept number: the columns of `measures`, parameter, value, and what is held fixed (`line`).

    Read from labels such as trpo(max_kl=0.01,damping=0.1); a parameter with a single value is no sweep.
    """
    rows = [
        {"label": label, "parameter": name, "value": value, "line": line}
        for label in measures.label.unique()
        for name, value, line in _tags(str(label))
    ]
    found = pd.DataFrame(rows, columns=["label", "parameter", "value", "line"])
    several = found.groupby(["parameter", "line"])["value"].transform("nunique") > 1
    return measures.merge(found[several.astype(bool)], on="label")


def _tags(label: str) -> Iterator[tuple[str, float, str]]:
    """(parameter, value, label without it) of each number in a label."""
    name, _, inside = label.partition("(")
    tags = [tag.partition("=") for tag in inside.rstrip(")").split(",") if "=" in tag]
    for parameter, _, value in tags:
        try:
            number = float(value)
        except ValueError:
            continue
        rest = ",".join(f"{other}={at}" for other, _, at in tags if other != parameter)
        yield parameter, number, f"{name}({rest})" if rest else name


def sensitivity(swept: pd.DataFrame, ax: Axes, style: Style, measure: str = "final_sampled_z") -> Axes:
    """`sweeps` of one environment and parameter: a dot per run, a cross if it failed or collapsed, a line of IQMs.

    `style` is of families. Scores below FLOOR stand on it; returns stand where they are.
    """
    scored = measure.endswith("_z")
    for line, part in swept.groupby("line", sort=True):
        look = style[family(str(line))]
        shown = part[measure].clip(lower=FLOOR) if scored else part[measure]
        lost = collapsed(part) | ~part.status.isin(["ok", "missing"])
        ax.scatter(part["value"][~lost], shown[~lost], s=8, color=[look["color"]], alpha=0.6, linewidths=0)
        ax.scatter(part["value"][lost], shown[lost], s=16, color=[look["color"]], marker="x", linewidths=0.9, zorder=4)
        centres = part.groupby("value")[measure].apply(lambda values: iqm(values.to_numpy(float)))
        ax.plot(centres.index, centres.clip(lower=FLOOR) if scored else centres, linewidth=1.3, **look)
    if len(swept) and (swept["value"] > 0).all():
        ax.set_xscale("log")
    if scored:
        for at in (0, 1):
            ax.axhline(at, color="0.7", linewidth=0.6, linestyle=":", zorder=0)
        ax.set_ylim(bottom=FLOOR - 0.05 if (swept[measure] < FLOOR).any() else None)
    if len(swept):
        ax.set_xlabel(str(swept.parameter.iloc[0]))
    ax.set_ylabel("normalised final return" if scored else "final return")
    return ax


def finite_sweeps(measures: pd.DataFrame, measure: str) -> pd.DataFrame:
    """`sweeps` of the runs that have this number."""
    return sweeps(measures[np.isfinite(measures[measure])]) if measure in measures else sweeps(measures.iloc[:0])
