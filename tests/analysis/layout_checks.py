"""What a reader would object to in a figure: text that is cut off, or that lies over other text."""

from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

LEAST = 8  # pixels across the smallest panel, a colour bar
SLACK = 1.0  # pixels at 100 dots an inch, about the blank border that letters have


def faults(figure: Figure) -> list[str]:
    """Every text that leaves the figure, every two that overlap, every panel that has no room left."""
    figure.set_dpi(100)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    found = [(text.get_text(), Text.get_window_extent(text, renderer)) for text in visible(figure)]  # without arrows
    page = figure.bbox
    wrong = [f"cut off: {name!r}" for name, box in found if not _within(box, page)]
    wrong += [f"{a!r} over {b!r}" for (a, one), (b, two) in combinations(found, 2) if _overlap(one, two)]
    panels = [ax.get_window_extent(renderer) for ax in figure.axes if ax.get_visible()]
    return wrong + [
        f"a panel of {box.width:.0f} x {box.height:.0f}" for box in panels if min(box.width, box.height) < LEAST
    ]


def visible(figure: Figure) -> list[Text]:
    """Every text that is drawn: of ticks those in view alone."""
    hidden = {id(text) for ax in figure.axes for text in _undrawn(ax)}
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [text for text in texts if id(text) not in hidden]


def _undrawn(ax: Axes) -> list[Text]:
    """All labels of ticks but those in view; everything, if the panel is not there."""
    if not ax.get_visible():
        return ax.findobj(Text)
    kept, every = set(), []
    for axis in (ax.xaxis, ax.yaxis):
        shown = axis._update_ticks()  # the ticks that are drawn; matplotlib has no public name for them
        kept |= {id(label) for tick in shown for label in (tick.label1, tick.label2) if label.get_visible()}
        every += [label for tick in [*axis.majorTicks, *axis.minorTicks] for label in (tick.label1, tick.label2)]
        if not axis.get_visible():
            kept.clear()
    return [label for label in every if id(label) not in kept]


def _within(box: Bbox, page: Bbox) -> bool:
    return (
        box.x0 > page.x0 - SLACK and box.y0 > page.y0 - SLACK and box.x1 < page.x1 + SLACK and box.y1 < page.y1 + SLACK
    )


def _overlap(one: Bbox, two: Bbox) -> bool:
    return min(one.x1, two.x1) - max(one.x0, two.x0) > SLACK and min(one.y1, two.y1) - max(one.y0, two.y0) > 2 * SLACK
