"""How panels become a figure: a panel per environment and quantity, one legend, one caption, two files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.load import Results
from analysis.plots.style import Style, caption, chunks, legend_below, legend_of_panel, panels, save, style_of

Panel = Callable[..., Axes]  # (frame, ax, style)
ROW = 0.14  # inches of a rule's row


@dataclass(frozen=True)
class Sheet:
    """What figures are made of, and where they go."""

    results: Results
    measures: pd.DataFrame
    folder: Path
    clock: str | None

    @cached_property
    def style(self) -> Style:
        """One look per label, in every figure of the matrix."""
        return style_of(self.results.planned.label)

    @cached_property
    def runs(self) -> str:
        """How many runs stand behind each rule on each environment."""
        counts = self.measures[self.measures.status != "missing"].groupby(["env", "label"]).size()
        low, high = counts.min(), counts.max()
        return f"n = {low} runs" if low == high else f"n = {low} to {high} runs"

    @property
    def scored(self) -> pd.DataFrame:
        """The measures of the environments that have scores."""
        if "nauc" not in self.measures:
            return self.measures.iloc[:0]
        return self.measures[self.measures.groupby("env").nauc.transform("count") > 0]

    def lines(self, name: str, frame: pd.DataFrame, columns: Sequence[Panel], text: str) -> list[Path]:
        """Panels with a line per rule; one per environment, or with several columns a row per environment.

        With more rules than a panel can show, one for each group of rules.
        """
        style = self._of(frame)
        groups = chunks(style)
        rows = [(env, part, group) for env, part in frame.groupby("env", sort=True) for group in groups]
        if not rows:
            return []
        crowded = len(groups) > 1
        several = len(columns) > 1
        across = len(columns) if several else 3
        figure, axes = panels(len(rows) * len(columns), height=3.0 if crowded else 2.1, columns=across)
        cells = [(env, part, group, panel) for env, part, group in rows for panel in columns]
        for ax, (env, part, group, panel) in zip(axes, cells, strict=True):
            panel(part[part.label.isin(list(group))], ax=ax, style=style).set_title(str(env))
            _label_once(ax, axes[0], several)
            if crowded:
                legend_of_panel(ax, group)
        if not crowded:
            legend_below(figure, style)
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
        """Panels with a row per rule; one per environment, or with several columns a row of panels each."""
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
                ax.set_title(str(env), loc="left" if several else "center")
        if legend:
            legend_below(figure, {}, **legend)
        caption(figure, text)
        return save(figure, self.folder, name)

    def _of(self, frame: pd.DataFrame) -> Style:
        """The looks of the labels in a frame."""
        found = set(frame.label)
        return {label: look for label, look in self.style.items() if label in found}


def _label_once(ax: Axes, first: Axes, several: bool) -> None:
    """A y label at the left edge only, where all panels show the same."""
    spec: Any = ax.get_subplotspec()
    if not several and spec.colspan.start > 0 and ax.get_ylabel() == first.get_ylabel():
        ax.set_ylabel("")
