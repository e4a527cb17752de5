"""Every figure of a matrix: panels of `analysis.plots` under captions that say what n, line and band are."""

from pathlib import Path

import pandas as pd

from analysis.figures.efficiency import EFFICIENCY
from analysis.figures.health import HEALTH
from analysis.figures.sheet import sheet_of
from analysis.load import Results

FIGURES = EFFICIENCY | HEALTH

__all__ = ["FIGURES", "draw"]


def draw(results: Results, measures: pd.DataFrame, folder: Path, clock: str | None) -> list[Path]:
    """All figures that these runs have numbers for; stale files of the others are removed.

    `clock` is what there is to say about seconds; None if they must not be shown.
    """
    sheet = sheet_of(results, measures, folder, clock)
    files = []
    for name, figure in FIGURES.items():
        drawn = figure(sheet, name)
        if not drawn:
            for suffix in ("png", "pdf"):
                (folder / f"{name}.{suffix}").unlink(missing_ok=True)
        files += drawn
    return files
