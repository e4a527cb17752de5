"""What a rule reaches as one of its hyper-parameters goes over orders of magnitude."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.inference import iqm
from analysis.measures import collapsed
from analysis.plots.comparison import failed
from analysis.plots.looks import Style, family
from analysis.plots.style import QUIET
from analysis.plots.ticks import linear_ticks, log_ticks

FLOOR = -0.35  # normalised scores below are drawn here
SWEPT = ["label", "parameter", "value", "line", "default"]
Defaults = Mapping[str, Mapping[str, Any]]  # rule -> hyper-parameter -> its value where none is given


def sweeps(measures: pd.DataFrame, hyper: pd.DataFrame, defaults: Defaults) -> pd.DataFrame:
    """A row per run and swept number: the columns of `measures`, parameter, value, what is held fixed (`line`), and
    whether the value is the rule's default.

    `hyper` has label, rule and hyper (JSON) of the runs. Of the labels of one entry of the matrix file, those that
    differ in one number alone are a line; a number that is the same for all is no sweep.
    """
    entries: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in hyper[["label", "rule", "hyper"]].drop_duplicates("label").itertuples(index=False):
        entries.setdefault((family(str(row.label)), str(row.rule)), {})[str(row.label)] = _values(row.hyper)
    rows = [row for (entry, rule), members in entries.items() for row in _lines(entry, members, defaults.get(rule, {}))]
    found = pd.DataFrame(rows, columns=SWEPT)
    several = found.groupby(["parameter", "line"])["value"].transform("nunique") > 1
    merged = measures.merge(found[several.astype(bool)], on="label")
    return merged.sort_values(["env", "parameter", "line", "value"], kind="stable", ignore_index=True)


def _lines(
    entry: str, members: dict[str, dict[str, Any]], default: Mapping[str, Any]
) -> Iterator[tuple[str, str, float, str, bool]]:
    """SWEPT of every label of an entry and every number that differs between its labels."""
    names = sorted({name for values in members.values() for name in values})
    differ = [name for name in names if len({json.dumps(values.get(name)) for values in members.values()}) > 1]
    for label, values in members.items():
        for name in differ:
            value = values.get(name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            fixed = ",".join(f"{other}={_told(values.get(other))}" for other in differ if other != name)
            yield label, name, float(value), f"{entry}({fixed})" if fixed else entry, value == default.get(name)


def _values(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(str(text))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def sensitivity(swept: pd.DataFrame, ax: Axes, style: Style, measure: str = "final_sampled_z") -> Axes:
    """`sweeps` of one environment and parameter: a dot per run, a line through the IQMs, a ring at the default; a cross
    if a run failed or collapsed.

    `style` is of lines. Scores below FLOOR stand on it; returns stand where they are.
    """
    scored = measure.endswith("_z")
    for line in (line for line in style if line in set(swept.line)):
        part, look = swept[swept.line == line], style[line]
        shown = part[measure].clip(lower=FLOOR) if scored else part[measure]
        lost = collapsed(part) | failed(part)
        ax.scatter(part["value"][~lost], shown[~lost], s=8, color=[look.color], alpha=0.6, linewidths=0)
        ax.scatter(part["value"][lost], shown[lost], s=16, color=[look.color], marker="x", linewidths=0.9, zorder=4)
        centres = part.groupby("value")[measure].apply(lambda values: iqm(values.to_numpy(float)))
        centres = centres.clip(lower=FLOOR) if scored else centres
        ax.plot(centres.index, centres, linewidth=1.4, label=line, **look.line)
        usual = centres[centres.index.isin(part["value"][part.default.astype(bool)])]
        ring: dict[str, Any] = {"markerfacecolor": "none", "markeredgewidth": 1.2, "markersize": 8, "zorder": 5}
        ax.plot(usual.index, usual, "o", color=look.color, **ring)
    if len(swept) and (swept["value"] > 0).all():
        ax.set_xscale("log")
        log_ticks(ax.xaxis)
    else:
        linear_ticks(ax.xaxis, 4)
    if scored:
        for at in (0, 1):
            ax.axhline(at, **QUIET)
        ax.set_ylim(bottom=FLOOR - 0.05 if (swept[measure] < FLOOR).any() else None)
    linear_ticks(ax.yaxis)
    if len(swept):
        ax.set_xlabel(str(swept.parameter.iloc[0]))
    ax.set_ylabel("normalised final return" if scored else "final return")
    return ax


def finite_sweeps(measures: pd.DataFrame, measure: str, hyper: pd.DataFrame, defaults: Defaults) -> pd.DataFrame:
    """`sweeps` of the runs that have this number."""
    known = measures[np.isfinite(measures[measure])] if measure in measures else measures.iloc[:0]
    return sweeps(known, hyper, defaults)
