"""How panels become a figure: a panel per environment and quantity, one legend, one caption, two files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.load import Results
from analysis.plots.curves import curves_of
from analysis.plots.looks import Style, style_of
from analysis.plots.names import SENTENCE, drawable, names
from analysis.plots.style import FULL, caption, chunks, label_ends, legend_below, legend_beside, panels, save
from analysis.plots.ticks import alike, one_notation

Panel = Callable[..., Axes]  # (frame, ax, style)
ROW = 0.14  # inches of a rule's row
MARGIN = 0.03  # of a scale that panels share, on each side
LISTED = 6  # exceptions that a caption names


@dataclass(frozen=True)
class Sheet:
    """The data of a matrix's figures and the folder that they go to; `sheet_of` makes one with drawable names."""

    results: Results
    measures: pd.DataFrame
    curves: pd.DataFrame  # of sampled actions; failed runs go on with `imputed` points
    folder: Path
    clock: str | None
    style: Style  # one look per label, in every figure of the matrix
    rules: dict[str, str]  # label -> rule
    environments: dict[str, str]  # as drawn -> as the matrix names it
    published: pd.DataFrame | None = None  # rows of analysis.published

    @cached_property
    def runs(self) -> str:
        """The number of runs of each rule on each environment, and how the failed ones count."""
        return runs_of(self.measures)

    @property
    def scored(self) -> pd.DataFrame:
        """The measures of the environments that have scores."""
        if "nauc" not in self.measures:
            return self.measures.iloc[:0]
        return self.measures[self.measures.groupby("env").nauc.transform("count") > 0]

    def lines(
        self,
        name: str,
        frame: pd.DataFrame,
        columns: Sequence[Panel],
        text: str,
        shared: bool = False,
        dots: bool = False,
        legend: bool = True,
    ) -> list[Path]:
        """Panels with a line per rule; one per environment, or with several columns a row per environment.

        With more rules than a panel can show, one for each group of rules, named beside their lines. Panels of one
        quantity have one vertical axis: those of an environment, and if it is `shared` those of all.
        `dots` says that points stand for lines; without a `legend` no rule is named, and all share a panel.
        """
        style = self._of(frame)
        groups = chunks(style) if legend else [style]
        rows = [(env, part, group) for env, part in frame.groupby("env", sort=True) for group in groups]
        rows = [(env, part, group) for env, part, group in rows if part.label.isin(list(group)).any()]
        if not rows:
            return []
        crowded, several = len(groups) > 1, len(columns) > 1
        across = len(columns) if several else 2 if crowded else 3
        figure, axes = panels(len(rows) * len(columns), height=2.3 if crowded else 2.1, columns=across)
        if crowded:
            figure.set_figwidth(FULL)
        cells = [(env, part, group, panel) for env, part, group in rows for panel in columns]
        for i, (ax, (env, part, group, panel)) in enumerate(zip(axes, cells, strict=True)):
            panel(part[part.label.isin(list(group))], ax=ax, style=group)
            if not several or i % len(columns) == 0:
                ax.set_title(str(env), loc="left")
            _label_once(ax, axes[0], several)
        _together(axes, cells, len(columns), shared)
        for i, (ax, (_, _, group, _)) in enumerate(zip(axes, cells, strict=True)):
            if crowded and i % len(columns) == len(columns) - 1:
                legend_beside(ax, group, dots) if dots else label_ends(ax, group)
        if legend and not crowded:
            legend_below(figure, style, dots)
        caption(figure, text)
        return save(figure, self.folder, name)

    def rows(
        self,
        name: str,
        frame: pd.DataFrame,
        columns: Sequence[Panel],
        text: str,
        row: float = ROW,
        legend: dict[str, Line2D] | None = None,
    ) -> list[Path]:
        """Panels with a row per rule; one per environment, or with several columns a row of panels each.

        Several columns are several quantities, each on one scale for all environments.
        """
        parts = list(frame.groupby("env", sort=True))
        if not parts:
            return []
        style, several = self._of(frame), len(columns) > 1
        across, height = len(columns) if several else 3, 0.75 + row * len(style)
        figure, axes = panels(len(parts) * len(columns), height, columns=across, sharey=True)
        cells = [(env, part, panel) for env, part in parts for panel in columns]
        for i, (ax, (env, part, panel)) in enumerate(zip(axes, cells, strict=True)):
            panel(part, ax=ax, style=style)
            if not several or i % len(columns) == 0:
                ax.set_title(str(env), loc="left")
        for i in range(len(columns) if several else 0):
            alike(axes[i :: len(columns)], "x", MARGIN)
        if legend:
            legend_below(figure, {}, extra=legend)
        caption(figure, text)
        return save(figure, self.folder, name)

    def _of(self, frame: pd.DataFrame) -> Style:
        """The looks of the labels in a frame."""
        found = set(frame.label)
        return {label: look for label, look in self.style.items() if label in found}


def sheet_of(
    results: Results,
    measures: pd.DataFrame,
    folder: Path,
    clock: str | None,
    published: pd.DataFrame | None = None,
    shown_as: Callable[[str], str] = str,
) -> Sheet:
    """The sheet of a matrix, with every label and environment under the name that a figure can draw of it.

    `shown_as`: what is to be drawn in place of a label or of an environment, different for different ones.
    """
    rules = {str(label): str(rule) for label, rule in zip(results.planned.label, results.planned.rule, strict=True)}
    looks = style_of(rules, rules)
    plain = {"label": sorted(rules), "env": sorted({str(env) for env in results.planned.env})}
    drawn_as = {name: names(map(shown_as, texts)) for name, texts in plain.items()}
    shown = {name: {text: drawn_as[name][shown_as(text)] for text in texts} for name, texts in plain.items()}

    def renamed(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(**{name: table[name].map(drawn) for name, drawn in shown.items() if name in table})

    tables: Any = ("planned", "runs", "updates", "trials", "reuses", "evaluations")
    drawn: Any = {name: renamed(getattr(results, name)) for name in tables}
    return Sheet(
        replace(results, **drawn),
        renamed(measures),
        renamed(curves_of(results)),
        folder,
        None if clock is None else drawable(clock, SENTENCE),
        {shown["label"][label]: look for label, look in looks.items()},
        {shown["label"][label]: rule for label, rule in rules.items()},
        {drawn: env for env, drawn in shown["env"].items()},
        published,
    )


def runs_of(measures: pd.DataFrame) -> str:
    """n of every rule on every environment, the exceptions by name, and how many runs failed."""
    there = measures[measures.status != "missing"]
    counts = (measures.status != "missing").groupby([measures.env, measures.label]).sum()
    if not len(there):
        return "n = 0 runs"
    usual = int(counts[counts > 0].mode().max())
    several = len(measures.env.unique()) > 1
    odd = counts[counts != usual].reset_index(name="n")
    rows = zip(odd.env, odd.label, odd.n, strict=True)
    others = [f"{label}{f' on {env}' if several else ''} {n}" for env, label, n in rows]
    listed = ", ".join(others[:LISTED]) + (f" and {len(others) - LISTED} more" if len(others) > LISTED else "")
    text = f"n = {usual} runs of each rule" + (f" (but {listed})" if others else "")
    lost = int((there.status != "ok").sum())
    return text + (f", {lost} of all failed" if lost else "")


def _label_once(ax: Axes, first: Axes, several: bool) -> None:
    """A y label at the left edge only, where all panels show the same."""
    spec: Any = ax.get_subplotspec()
    if not several and spec.colspan.start > 0 and ax.get_ylabel() == first.get_ylabel():
        ax.set_ylabel("")


def _together(axes: Sequence[Axes], cells: Sequence[tuple[Any, ...]], columns: int, shared: bool) -> None:
    """One vertical axis for the panels of a quantity, and one horizontal axis for those of an environment too."""
    for column in range(columns):
        mine = list(zip(axes[column::columns], cells[column::columns], strict=True))
        environments = sorted({str(cell[0]) for _, cell in mine})
        for env in environments:
            here = [ax for ax, cell in mine if str(cell[0]) == env]
            alike(here, "x")
            if not shared:
                alike(here, "y")
        if shared:
            alike([ax for ax, _ in mine], "y")
        for which in "xy":
            one_notation([ax for ax, _ in mine], which)
