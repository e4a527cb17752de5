"""Ticks that are alike in every panel of a figure: few, short, and without mathematics."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

MOST = 5  # labelled powers of ten
SMALL, LARGE = 1e-3, 1e4  # from and up to which numbers are written out
MINUS = "\u2212"
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
ROUND = (1, 2, 2.5, 5, 10)
STEPS = (  # of a decade
    (1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 2.0, 3.0, 5.0, 7.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0),
)  # fmt: skip


def short(value: float, _: float = 0) -> str:
    """1500 -> 1.5k, 0.25 -> 0.25, 1e-05 -> 10⁻⁵; with a minus sign, not a hyphen."""
    size = abs(value)
    if not np.isfinite(value):
        return ""
    sign = MINUS if value < 0 else ""
    if size and (size < SMALL or size >= 1e9):
        return powers(value)
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if size >= unit:
            return f"{sign}{size / unit:.5g}{letter}"
    return f"{sign}{size:.5g}"


def powers(value: float, _: float = 0) -> str:
    """100 -> 10², 2e-05 -> 2·10⁻⁵."""
    if not np.isfinite(value) or not value:
        return "0" if value == 0 else ""
    power = int(np.floor(np.log10(abs(value)) + 1e-9))
    factor = f"{abs(value) / 10.0**power:.2g}"
    return f"{MINUS if value < 0 else ''}{'' if factor == '1' else factor + '·'}10{str(power).translate(SUPERSCRIPT)}"


def linear_ticks(axis: Axis, most: int = 5, integer: bool = False) -> None:
    """At most `most` intervals of round numbers."""
    axis.set_major_locator(MaxNLocator(most, steps=ROUND, integer=integer, min_n_ticks=min(3, most)))
    axis.set_major_formatter(FuncFormatter(short))


def log_ticks(axis: Axis) -> None:
    """A logarithmic axis: powers of ten, with numbers between them where the view holds few of them."""
    places = log_places(*sorted(axis.get_view_interval()))
    far = min(places, default=1.0) < SMALL or max(places, default=1.0) >= LARGE
    axis.set_major_locator(FixedLocator(places))
    axis.set_major_formatter(FuncFormatter(powers if far else short))
    axis.set_minor_locator(NullLocator())


def log_places(low: float, high: float) -> list[float]:
    """Where a logarithmic axis from `low` to `high` is labelled: up to MOST powers of ten, or parts of decades."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    powers = [10.0**power for power in range(first, last + 1) if low <= 10.0**power <= high]
    if len(powers) > 3:
        stride = -(-len(powers) // MOST)
        return powers[::-1][::stride][::-1]
    for steps in STEPS:
        found = [step * 10.0**power for power in range(first - 1, last + 1) for step in steps]
        found = [place for place in found if low <= place <= high]
        if len(found) >= 3:
            return found
    return [place for place in MaxNLocator(4).tick_values(low, high) if low <= place <= high and place > 0]


def one_notation(axes: Sequence[Axes], which: str) -> None:
    """Panels with axes of their own write numbers alike: as powers of ten if a logarithmic one of them does."""
    shown = [getattr(ax, f"{which}axis") for ax in axes if getattr(ax, f"get_{which}scale")() != "linear"]
    if any(getattr(axis.get_major_formatter(), "func", None) is powers for axis in shown):
        for axis in shown:
            axis.set_major_formatter(FuncFormatter(powers))


def alike(axes: Sequence[Axes], which: str, margin: float = 0.0) -> None:
    """Panels of one quantity: one view that holds those of all of them, with one set of ticks.

    A linear one is wider by `margin` of its length on each side, so that no mark lies on the edge.
    """
    if not axes:
        return
    views = np.array([sorted(getattr(ax, f"get_{which}lim")()) for ax in axes])
    low, high = float(views[:, 0].min()), float(views[:, 1].max())
    room = margin * (high - low) if getattr(axes[0], f"get_{which}scale")() == "linear" else 0.0
    view: Any = (low - room, high + room)
    for ax in axes:
        axis, scale = getattr(ax, f"{which}axis"), getattr(ax, f"get_{which}scale")()
        getattr(ax, f"set_{which}lim")(view)
        if scale == "log":
            log_ticks(axis)
