"""One look for every figure, and one colour per rule in all of them."""

import io
import re
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from experiments.records import write_atomically

DPI = 200
COLUMN, FULL = 3.4, 7.0  # inches: one column of a paper, and both
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))  # once the colours are used up
PLAIN, NARROW = 3.0, 0.9  # decades of an axis up to which its ticks are plain numbers, and up to which close ones

Style = dict[str, dict[str, Any]]  # label -> colour and line style


def family(label: str) -> str:
    """The entry of the matrix file that a label comes from: trpo(max_kl=0.02) -> trpo."""
    return label.partition("(")[0]


def style_of(labels: Iterable[str]) -> Style:
    """A colour (seaborn's colour-blind palette) and, beyond ten, a dash per family, in sorted order.

    Labels of a swept family go from light to dark as their value grows.
    """
    colours = sns.color_palette("colorblind", 10)
    families: dict[str, list[str]] = {}
    for label in sorted(set(labels), key=_by_number):
        families.setdefault(family(label), []).append(label)
    style: Style = {}
    for i, members in enumerate(families.values()):
        hue, dash = colours[i % 10], DASHES[i // 10 % len(DASHES)]
        ends = [sns.blend_palette([other, hue], 5)[2 if other == "white" else 3] for other in ("white", "black")]
        shades = [hue] if len(members) == 1 else sns.blend_palette([ends[0], hue, ends[1]], len(members))
        for label, shade in zip(members, shades, strict=True):
            style[label] = {"color": tuple(shade), "linestyle": dash}
    return style


def style_of_families(style: Style) -> Style:
    """The colour and dash of each family."""
    return style_of(map(family, style))


def _by_number(label: str) -> list[tuple[str, float]]:
    """Sorts the numbers in labels as numbers."""
    pieces = re.split(r"(\d+\.?\d*(?:e[+-]?\d+)?)", label)
    return [(text, float(number)) for text, number in zip(pieces[::2], [*pieces[1::2], "0"], strict=True)]


@contextmanager
def theme() -> Iterator[None]:
    """Seaborn's ticks on white, 7 to 8 points, lines for print."""
    small = {"font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7}
    lines = {"legend.fontsize": 7.5, "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6}
    files = {"pdf.fonttype": 42, "svg.hashsalt": "policy-ascent", "axes.grid": True}
    grid = {"grid.color": "0.9", "grid.linewidth": 0.5, "axes.axisbelow": True}
    look: Any = small | lines | files | grid
    with mpl.rc_context(), sns.axes_style("ticks"), mpl.rc_context(look):
        yield


def panels(n: int, height: float = 2.1, columns: int = 3, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure of n panels, at most `columns` abreast, as wide as the panels need."""
    across = min(n, columns)
    down = -(-n // across)
    width = {1: COLUMN, 2: 5.2}.get(across, FULL)
    figure, axes = plt.subplots(
        down, across, figsize=(width, height * down + 0.85), squeeze=False, sharey=sharey, layout="constrained"
    )
    flat = list(axes.flat)
    for ax in flat[n:]:
        ax.set_visible(False)
    sns.despine(figure)
    return figure, flat[:n]


def chunks(style: Style, most: int = 10) -> list[Style]:
    """The labels in groups of nearly equal size, each small enough for one panel."""
    labels = list(style)
    count = max(1, -(-len(labels) // most))
    cuts = [round(i * len(labels) / count) for i in range(count + 1)]
    return [{label: style[label] for label in labels[a:b]} for a, b in pairwise(cuts)]


def legend_of_panel(ax: Axes, style: Style) -> None:
    """The labels of one panel, under it."""
    handles = [Line2D([], [], linewidth=1.5, **look) for look in style.values()]
    where: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.45, -0.2), "ncols": 2}
    ax.legend(handles, list(style), fontsize=5.5, frameon=False, labelspacing=0.3, columnspacing=1.0, **where)


def legend_below(figure: Figure, style: Style, **extra: Line2D) -> None:
    """Every label once, under the panels."""
    handles = [Line2D([], [], linewidth=2, **look) for look in style.values()] + list(extra.values())
    names = [*style, *(name.replace("_", " ") for name in extra)]
    longest = max(map(len, names), default=1)
    columns = max(1, min(len(names), int(figure.get_figwidth() * 16 / (longest + 6))))
    figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False)


def caption(figure: Figure, text: str) -> None:
    """What n, line and band are, in small type over the panels."""
    across = int(figure.get_figwidth() * 19)
    wrapped = "\n".join(textwrap.fill(line.replace(" %", "\u00a0%"), across) for line in text.splitlines())
    figure.suptitle(wrapped, fontsize=7, color="0.3", x=0.01, ha="left")


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """PNG and PDF without dates, so that the same rows give the same bytes; laid out once, and drawn once each."""
    files = [folder / f"{name}.png", folder / f"{name}.pdf"]
    figure.set_dpi(DPI)
    png, pdf = io.BytesIO(), io.BytesIO()
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
    figure.set_layout_engine("none")
    nothing: Any = {"CreationDate": None, "Producer": None, "Creator": None}
    FigureCanvasPdf(figure).print_pdf(pdf, metadata=nothing)
    plt.close(figure)
    for file, drawn in zip(files, (png, pdf), strict=True):
        write_atomically(file, drawn.getvalue())
    return files


def thousands(value: float, _: float = 0) -> str:
    """1500 -> 1.5k, for axes of steps."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def plain_log(axis: Axis) -> None:
    """A logarithmic axis over a few decades: 0.2, 0.5, 1 instead of powers of ten."""
    low, high = sorted(axis.get_view_interval())
    decades = np.log10(high / low)
    if decades > PLAIN:
        return
    steps = (1, 2, 5) if decades > NARROW else (1, 1.5, 2, 3, 4, 5, 6, 8)
    axis.set_major_locator(LogLocator(subs=steps) if decades > NARROW / 3 else MaxNLocator(4))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def rows_of_rules(ax: Axes, style: Style) -> Axes:
    """A row per label, the first on top."""
    ax.set_yticks(range(len(style)), list(style))
    ax.set_ylim(len(style) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    return ax


def finite(values: Any) -> Any:
    """Values with inf as nan, which no axis can be drawn for."""
    return np.where(np.isfinite(values), values, np.nan)
