"""What was found of a claim: its estimate on every environment, beside the smallest effect that was declared."""

import math

from matplotlib.axes import Axes

from analysis.claims.decide import Found
from analysis.claims.ledger import COMPARED, Claim
from analysis.claims.table import named
from analysis.inference import Interval
from analysis.plots.names import wrapped
from analysis.plots.style import QUIET
from analysis.plots.ticks import linear_ticks

COLORS = {"supported": "#00794f", "refuted": "#c4143c"}  # else grey
ALL = "together"
ROOM = 19  # em under a panel


def forest(claim: Claim, found: Found, ax: Axes) -> Axes:
    """A row per environment, estimate and 95 % interval, and under them what the verdict is of, if that is another.

    Shaded: differences inside the smallest effect, or where a claim about one label puts its number. An estimate
    without an interval is an open circle.
    """
    rows = list(found.parts)
    if claim.test in COMPARED and len(rows) > 1:
        rows.append((ALL, found.estimate))
    color = COLORS.get(found.verdict, "0.4")
    for y, (name, interval) in enumerate(rows):
        _draw(ax, y, interval, color, bold=name == ALL)
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    _shade(claim, ax)
    linear_ticks(ax.xaxis, 4)
    ax.set_xlabel(axis(claim), loc="right")
    ax.set_title(f"{claim.name}: {found.verdict}", loc="left", color=color)
    return ax


def _draw(ax: Axes, y: int, interval: Interval, color: str, bold: bool) -> None:
    bounded = math.isfinite(interval.low) and math.isfinite(interval.high)
    if bounded:
        ax.plot([interval.low, interval.high], [y, y], color=color, linewidth=1.8 if bold else 1.2)
    face = color if bounded else "white"
    ax.plot(interval.estimate, y, "o", color=color, markerfacecolor=face, markersize=5 if bold else 4)


def _shade(claim: Claim, ax: Axes) -> None:
    """Between the limits, as far as the view goes; the view takes in every finite limit."""
    if claim.test in COMPARED:
        ax.axvline(0, **QUIET)
        effect = claim.smallest_effect or 0.0
        low, high = -effect, effect
    else:
        low, high = claim.limits
    least, most = ax.get_xlim()
    finite = [limit for limit in (low, high) if math.isfinite(limit)]
    room = 0.05 * (max(most, *finite) - min(least, *finite))
    least, most = min(least, *(limit - room for limit in finite)), max(most, *(limit + room for limit in finite))
    ax.axvspan(max(low, least), min(high, most), color="0.9", zorder=0, linewidth=0)
    ax.set_xlim(least, most)


def axis(claim: Claim) -> str:
    """What is drawn, on lines that fit under a panel."""
    what = f": {claim.labels[0]} less {claim.labels[1]}" if claim.test in COMPARED else ""
    return wrapped(named(claim) + what, ROOM)
