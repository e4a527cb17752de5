"""Draw what `python -m experiments.landscape` measured: lines through a policy, and the plane of two of them.

    python -m analysis.landscape results/quick/landscapes/CELL

Writes lines and plane, PNG and PDF, into the folder. Exit code: 0, or 2 if it cannot be read or written.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import tyro
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis import console
from analysis.plots.landscape import (
    along,
    levels_of,
    plane,
    plane_legend,
    returns_window,
    touching,
)
from analysis.plots.names import drawable
from analysis.plots.style import caption, legend_of, panels, save, theme
from analysis.plots.ticks import short
from experiments.records import (
    LANDSCAPE,
    BrokenCell,
    LandscapeLineRow,
    LandscapePlaneRow,
    LandscapeRow,
    frame,
    read_parquet,
)

DIRECTIONS = ("gradient", "natural", "random")


@dataclass(frozen=True)
class Arguments:
    folder: tyro.conf.Positional[Path]
    """a folder that python -m experiments.landscape wrote"""
    out: Path | None = None
    """where the figures go (default: the same folder)"""


class LandscapeError(Exception):
    """The folder holds no landscape; the message says why."""


@dataclass(frozen=True)
class Landscape:
    """The tables of one landscape."""

    common: LandscapeRow
    lines: pd.DataFrame  # LandscapeLineRow
    plane: pd.DataFrame  # LandscapePlaneRow


def load_landscape(folder: Path) -> Landscape:
    """Raises LandscapeError."""
    common, lines, plane_rows = (_rows(kind, folder / f"{kind.table}.parquet") for kind in LANDSCAPE)
    return Landscape(common[0], frame(LandscapeLineRow, lines), frame(LandscapePlaneRow, plane_rows))


def _rows(kind: type[Any], file: Path) -> list[Any]:
    try:
        rows = read_parquet(kind, file)
    except BrokenCell as error:
        raise LandscapeError(f"{file} is not a table of python -m experiments.landscape: {error}") from error
    if not rows:
        raise LandscapeError(f"{file} has no rows; measure the landscape again")
    return rows


def draw(landscape: Landscape, folder: Path) -> list[Path]:
    """Both figures; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    with theme():
        return [*draw_lines(landscape, folder), *draw_plane(landscape, folder)]


def draw_lines(landscape: Landscape, folder: Path) -> list[Path]:
    """A panel per direction and, where there is a lower bound, one of it, at its own scale."""
    common, lines = landscape.common, landscape.lines
    wide, near = lines[lines.window == "radius"], lines[(lines.window == "bound") & (lines.direction == "natural")]
    bounded = len(near) > 0
    figure, axes = panels(len(DIRECTIONS) + bounded, columns=2 if bounded else 3)
    for ax, direction in zip(axes, DIRECTIONS, strict=False):
        along(wide[wide.direction == direction], ax, common.radius).set_title(direction, loc="left")
        ax.set_ylim(*returns_window(wide))
        if direction == "natural" or not (bounded or ax is axes[0]):
            ax.set_ylabel("")
    handles, names = axes[0].get_legend_handles_labels()
    text = "" if common.exact else " Band: standard error of the difference from the policy's own return."
    if bounded:
        touching(near, axes[-1]).set_title("natural, near by: the lower bound", loc="left")
        for handle, name in zip(*axes[-1].get_legend_handles_labels(), strict=True):
            if name not in names:
                handles, names = [*handles, handle], [*names, name]
        best = abs(near.t.iloc[int(near.bound.argmax())])
        text = f" M is highest (triangle) at {short(best)} of the step to the radius."
    legend_of(figure, handles, names)
    caption(
        figure,
        f"{describe(common)} t = 1 is the step to a quadratic KL of {common.radius:g} (dashed); grey: the true mean KL "
        f"is within it. beta = {common.beta:.3g}: the model is highest at the natural step.{text}",
    )
    return save(figure, folder, "lines")


def draw_plane(landscape: Landscape, folder: Path) -> list[Path]:
    """The return, the surrogate and the penalised surrogate, in the same colours."""
    common, rows = landscape.common, landscape.plane
    shape = (rows.y.max() - rows.y.min()) / (rows.x.max() - rows.x.min())
    figure, axes = panels(3, height=float(np.clip(1.75 * shape, 1.6, 3.4)) + 1.1, sharey=True)
    figure.set_layout_engine("compressed")  # for panels of a fixed shape
    columns = {"return_mean": "discounted return", "surrogate": "surrogate L", "penalized": "L - beta KL"}
    for ax, (column, title) in zip(axes, columns.items(), strict=True):
        filled = plane(rows, ax, common, column)
        ax.set_title(title, loc="left")
        ax.set_ylabel(ax.get_ylabel() if ax is axes[0] else "")
    levels = levels_of(rows)
    low, high = float(levels[0]), float(levels[-1])
    ticks = [tick for tick in MaxNLocator(6).tick_values(low, high) if low <= tick <= high]
    bar = figure.colorbar(filled, ax=axes, pad=0.02, aspect=30, ticks=ticks, format=FuncFormatter(short))
    bar.outline.set_visible(False)
    marks = plane_legend()
    legend_of(figure, [*marks.values()], [*marks])
    caption(
        figure,
        f"{describe(common)} The plane of the gradient and the natural direction. KL: mean KL(old || new) = "
        f"{common.radius:g}; ball: as long as the gradient's step to that radius; thin line: as good as the policy "
        f"itself. beta = {common.beta:.3g}.",
    )
    return save(figure, folder, "plane")


def describe(common: LandscapeRow) -> str:
    """Which policy, and how its numbers came about."""
    source = (
        f"exact, {common.rows} states"
        if common.exact
        else f"{common.episodes} episodes a point, a batch of {common.rows:,} rows"
    )
    return (
        f"{drawable(common.label)} on {drawable(common.env)}, seed {common.seed}, after {common.env_steps:,} steps; "
        f"gamma = {common.gamma:g}; {source}. Natural: damping {common.damping:g}."
    )


def main(arguments: Arguments) -> int:
    """The exit code."""
    try:
        files = draw(load_landscape(arguments.folder), arguments.out or arguments.folder)
    except (LandscapeError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(*files, sep="\n")
    return 0


if __name__ == "__main__":
    console.run(main, Arguments, __doc__)
