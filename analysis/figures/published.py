"""Ours beside what others published."""

from pathlib import Path

import pandas as pd

from analysis.figures.sheet import Sheet
from analysis.plots.curves import BANDED
from analysis.plots.published import beside, beside_published, source_handles, source_markers
from analysis.plots.style import caption, legend_below, panels, save
from analysis.published import comparable


def published(sheet: Sheet, name: str) -> list[Path]:
    """Learning curves of the rules that others have published too, on tasks with the same rewards."""
    if sheet.published is None:
        return []
    theirs = beside(sheet.published, sheet.rules)
    found = {
        str(env): rows
        for env in sorted(sheet.curves.env.unique())
        if len(rows := theirs[[comparable(sheet.environments[str(env)], str(other)) for other in theirs.env]])
    }
    if not found:
        return []
    shown = pd.concat(found.values())
    style = {label: look for label, look in sheet.style.items() if label in set(shown.label)}
    markers = source_markers(shown)
    figure, axes = panels(len(found), columns=3)
    for ax, (env, rows) in zip(axes, found.items(), strict=True):
        part = sheet.curves[(sheet.curves.env == env) & sheet.curves.label.isin(set(rows.label))]
        beside_published(part, ax, style, rows, markers).set_title(env, loc="left")
        ax.set_xlim(right=1.02 * float(part.grid_step.max()))
    legend_below(figure, style, extra=source_handles(markers))
    text = (
        f"{sheet.runs}. Solid: interquartile mean of ours, actions sampled; shade: 95 % band, simultaneous, none below "
        f"{BANDED} runs. Dashed: means that others published, of versions of the task with the same rewards, measured "
        "by other means (analysis/published.py); a marker alone is a single result."
    )
    caption(figure, text)
    return save(figure, sheet.folder, name)
