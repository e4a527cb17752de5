"""One layout for every figure: panels of one size, legend and caption that take the room they need."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.plots.looks import Style, family
from analysis.plots.names import FONT, em, wrapped
from experiments.records import write_atomically

DPI = 200
COLUMN, FULL = 3.4, 7.0  # inches: one column of a paper, and both
BASE = 0.7  # inches for a line above the panels and one under them
CROWD = 7  # labels that a panel can show
SMALL = 7.0  # points of captions, legends and ticks
LINE = 1.35 * SMALL / 72  # inches from one line to the next
GAP = 0.075  # between the labels at the ends of lines, in heights of a panel
QUIET: dict[str, Any] = {"color": "0.75", "linewidth": 0.6, "zorder": 0}  # lines that help the eye


@dataclass(frozen=True)
class Layout:
    """What a paper asks of every figure."""

    captions: bool = True  # over the panels
    size: tuple[float, float] | None = None  # width and height in inches; each figure's own if None


OWN_LAYOUT = Layout()
LAYOUT: ContextVar[Layout] = ContextVar("LAYOUT", default=OWN_LAYOUT)


@contextmanager
def theme(layout: Layout = OWN_LAYOUT) -> Iterator[None]:
    """Seaborn's ticks on white, 7 to 8 points, lines for print; no text is read as mathematics."""
    asked = LAYOUT.set(layout)
    small = {
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
    }
    lines = {"legend.fontsize": SMALL, "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6}
    texts = {"font.family": [FONT], "text.parse_math": False, "text.usetex": False, "axes.unicode_minus": True}
    files = {"pdf.fonttype": 42, "svg.hashsalt": "policy-ascent", "axes.grid": True}
    grid = {"grid.color": "0.9", "grid.linewidth": 0.5, "axes.axisbelow": True}
    look: Any = small | lines | texts | files | grid
    try:
        with mpl.rc_context(), sns.axes_style("ticks"), mpl.rc_context(look):
            yield
    finally:
        LAYOUT.reset(asked)


def panels(n: int, height: float = 2.1, columns: int = 3, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure of n panels, at most `columns` side by side, as wide as the panels need."""
    across = min(n, columns)
    down = -(-n // across)
    size = LAYOUT.get().size
    width = size[0] if size else {1: COLUMN, 2: 5.2}.get(across, FULL)
    figure, axes = plt.subplots(
        down, across, figsize=(width, height * down + BASE), squeeze=False, sharey=sharey, layout="constrained"
    )
    flat = list(axes.flat)
    for ax in flat[n:]:
        ax.set_visible(False)
    sns.despine(figure)
    return figure, flat[:n]


def chunks(style: Style, most: int = CROWD) -> list[Style]:
    """The labels in groups of nearly equal size, each small enough for one panel; a sweep stays together if it can."""
    if len(style) <= most:
        return [style]
    entries: dict[str, list[str]] = {}
    for label in style:
        entries.setdefault(family(label), []).append(label)
    room = -(-len(style) // -(-len(style) // most))
    groups: list[list[str]] = [[]]
    for piece in (piece for members in entries.values() for piece in _evenly(members, most)):
        if groups[-1] and len(groups[-1]) + len(piece) > room:
            groups.append([])
        groups[-1] += piece
    return [{label: style[label] for label in group} for group in groups]


def _evenly(labels: list[str], most: int) -> list[list[str]]:
    count = -(-len(labels) // most)
    cuts = [round(i * len(labels) / count) for i in range(count + 1)]
    return [labels[a:b] for a, b in pairwise(cuts)]


def label_ends(ax: Axes, style: Style) -> None:
    """The names of the lines beside their ends, for panels that together show more labels than a legend can hold."""
    drawn = {str(line.get_label()): np.asarray(line.get_xydata()) for line in ax.lines}
    ends = {label: _place(ax, *points[-1]) for label, points in drawn.items() if label in style and len(points)}
    order = sorted(ends, key=lambda label: ends[label][1])
    for label, at in zip(order, spread([ends[label][1] for label in order]), strict=True):
        look = {
            "arrowstyle": "-",
            "shrinkA": 0,
            "shrinkB": 0,
            "linewidth": 0.6,
            "relpos": (0, 0.5),
            **style[label].line,
        }
        ax.annotate(
            label, ends[label], (1.05, at), "axes fraction", "axes fraction", look, annotation_clip=False,
            color=style[label].color, fontsize=SMALL - 0.5, va="center",
        )  # fmt: skip


def legend_beside(ax: Axes, style: Style, dots: bool) -> None:
    """The labels of one panel beside it, where lines have no ends that tell them apart."""
    handles = [Line2D([], [], **(look.point if dots else look.line)) for look in style.values()]
    place: Any = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "borderaxespad": 0.2}
    ax.legend(handles, list(style), frameon=False, handletextpad=0.4, fontsize=SMALL - 0.5, **place)


def spread(heights: Sequence[float], gap: float = GAP) -> list[float]:
    """Rising heights, moved as little as needed so that neighbours stand `gap` apart; within 0 and 1 if they can."""
    places: list[float] = []
    for height in heights:
        places.append(max(height, places[-1] + gap) if places else height)
    for i in reversed(range(len(places))):
        limit = places[i + 1] - gap if i + 1 < len(places) else max(1.0, gap * (len(places) - 1))
        places[i] = min(places[i], limit)
    return places


def _place(ax: Axes, x: float, y: float) -> tuple[float, float]:
    """Of a point of the data, in widths and heights of the panel, and inside it; the right edge if it is nowhere."""
    at = ax.transAxes.inverted().transform(ax.transData.transform((x, y)))
    across, up = np.clip(np.nan_to_num(at, nan=0.5), 0, 1)
    return (float(across) if np.isfinite(at).all() else 1.0), float(up)


def legend_below(figure: Figure, style: Style, dots: bool = False, extra: dict[str, Line2D] | None = None) -> None:
    """Every label once, under the panels, as a line or as a dot; then what else there is to explain."""
    kinds = [look.point if dots else look.line | {"linewidth": 2} for look in style.values()]
    more = extra or {}
    legend_of(figure, [*(Line2D([], [], **kind) for kind in kinds), *more.values()], [*style, *more])


def legend_of(figure: Figure, handles: Sequence[Any], texts: Sequence[str]) -> None:
    """Entries under the panels, in as many columns as fit."""
    if not texts:
        return
    entry = (max(map(em, texts)) + 5.5) * SMALL / 72  # with its handle and the space around it
    columns = int(np.clip(figure.get_figwidth() // entry, 1, len(texts)))
    rows = -(-len(texts) // columns)
    _grow(figure, (rows - 1) * LINE)
    figure.legend(
        handles, texts, loc="outside lower center", ncols=-(-len(texts) // rows), frameon=False, handlelength=2.6
    )


def caption(figure: Figure, text: str) -> None:
    """What n, line and band are, in small type over the panels, unless the paper says it elsewhere."""
    if not LAYOUT.get().captions:
        return
    room = (figure.get_figwidth() - 0.15) * 72 / SMALL
    lines = wrapped(text.replace(" %", "\u00a0%"), room)
    _grow(figure, lines.count("\n") * LINE)
    figure.suptitle(lines, fontsize=SMALL, color="0.3", x=0.01, ha="left")


def _grow(figure: Figure, inches: float) -> None:
    """Make room for another line, so that panels keep their size."""
    figure.set_figheight(figure.get_figheight() + inches)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """PNG and PDF without dates, so that the same rows give the same bytes; laid out once, and drawn once each."""
    files = [folder / f"{name}.png", folder / f"{name}.pdf"]
    if size := LAYOUT.get().size:
        figure.set_size_inches(size)
    figure.set_dpi(DPI)
    png, pdf = io.BytesIO(), io.BytesIO()
    with warnings.catch_warnings(record=True) as said:
        warnings.filterwarnings("always", "constrained_layout not applied")
        FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
    for warning in said:
        if "constrained_layout not applied" in str(warning.message):
            width, height = figure.get_size_inches()
            print(f"{name}: its panels do not fit into {width:g} by {height:g} inches; show fewer, or enlarge it")
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    figure.set_layout_engine("none")
    nothing: Any = {"CreationDate": None, "Producer": None, "Creator": None}
    FigureCanvasPdf(figure).print_pdf(pdf, metadata=nothing)
    plt.close(figure)
    for file, drawn in zip(files, (png, pdf), strict=True):
        write_atomically(file, drawn.getvalue())
    return files


def rows_of_rules(ax: Axes, style: Style) -> Axes:
    """A row per label, the first on top."""
    ax.set_yticks(range(len(style)), list(style))
    ax.set_ylim(len(style) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    return ax
