"""Every figure of a matrix: panels of `analysis.plots` under captions that say what n, line and band are."""

import inspect
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from analysis.figures.claims import claims as decided
from analysis.figures.efficiency import EFFICIENCY
from analysis.figures.health import HEALTH
from analysis.figures.published import published as beside_published
from analysis.figures.sheet import Sheet, sheet_of
from analysis.load import Results
from analysis.own import FRAMES, OwnError, OwnFigure

FIGURES = EFFICIENCY | {"published": beside_published} | HEALTH | {"claims": decided}

__all__ = ["FIGURES", "draw", "draw_own", "draw_sheet"]


def draw(
    results: Results,
    measures: pd.DataFrame,
    folder: Path,
    clock: str | None,
    published: pd.DataFrame | None = None,
) -> list[Path]:
    """All figures that these runs have numbers for; stale files of the others are removed.

    `clock` is what there is to say about seconds; None if they must not be shown. `published`: rows of
    `analysis.published`, for a figure with ours beside them.
    """
    return draw_sheet(sheet_of(results, measures, folder, clock, published), tuple(FIGURES))


def draw_sheet(sheet: Sheet, wanted: Sequence[str]) -> list[Path]:
    """These of FIGURES."""
    files = []
    for name in wanted:
        drawn = FIGURES[name](sheet, name)
        if not drawn:
            _remove(sheet.folder, name)
        files += drawn
    return files


def draw_own(sheet: Sheet, figures: Sequence[OwnFigure]) -> tuple[list[Path], list[str]]:
    """A user's figures, and what is wrong with those that cannot be drawn, whose stale files are removed."""
    files, problems = [], []
    frames = {name: getattr(sheet.results, name) for name in FRAMES}
    frames |= {"measures": sheet.measures, "curves": sheet.curves}
    for figure in figures:
        text = f"{sheet.runs}. {(inspect.getdoc(figure.function) or '').strip().partition(chr(10))[0]}"
        try:
            files += sheet.lines(figure.name, frames[figure.table], [figure.panel], text, legend=figure.styled)
        except Exception as error:  # what a user's function left on the axes may fail only when it is laid out
            plt.close("all")
            _remove(sheet.folder, figure.name)
            problem = str(error) if isinstance(error, OwnError) else f"{type(error).__name__}: {error}"
            problems.append(problem if figure.source in problem else f"{figure.source}: {problem}")
    return files, problems


def _remove(folder: Path, name: str) -> None:
    for suffix in ("png", "pdf"):
        (folder / f"{name}.{suffix}").unlink(missing_ok=True)
