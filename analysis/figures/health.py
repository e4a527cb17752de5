"""Figures of stability, step lengths, claimed bounds and wall-clock time."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from matplotlib.lines import Line2D

from analysis.blind_spot import TOGETHER, traces
from analysis.figures.sheet import Sheet
from analysis.plots.blind_spot import KEPT, around_fall
from analysis.plots.blind_spot import NAMES as SHOWN
from analysis.plots.bounds import MOST, bound_slack, with_gains
from analysis.plots.curves import BANDED
from analysis.plots.reuse import NAMES as REUSE
from analysis.plots.reuse import over_reuses
from analysis.plots.stability import LOST, MEASURES, steadiness
from analysis.plots.ticks import short
from analysis.plots.trust import FLOOR, LEAST, over_updates, with_ratios
from analysis.plots.wall_clock import COLOURS, wall_clock_split

OVER_RUNS = f"Line: median over runs; shade: their range, or below {BANDED} runs a thin line each"


def stability(sheet: Sheet, name: str) -> list[Path]:
    """Six measures of steadiness side by side."""
    text = (
        f"{sheet.runs}. Scores in units of the reference; left is better. Dot: a run; bar: interquartile mean, 95 % "
        "interval, or a ring if there is none. Dispersion and risks: less the noise of evaluating, so that 0 or less "
        f"is none. Collapse: a run that {LOST}; Clopper-Pearson. Shortfall: 1 - lowest final score. Triangle: beyond "
        "the scale."
    )
    return sheet.rows(
        name, sheet.scored, [partial(steadiness, measure=measure) for measure in MEASURES], text, row=0.19
    )


def kl(sheet: Sheet, name: str) -> list[Path]:
    """Mean KL of every rule."""
    updates = sheet.results.updates.dropna(subset="kl")
    return sheet.lines(
        name,
        updates,
        [over_updates],
        f"{sheet.runs}. {OVER_RUNS}; dashed: the rule's radius. Smaller moves stand at {short(FLOOR)}.",
        shared=True,
    )


def radius(sheet: Sheet, name: str) -> list[Path]:
    """Mean, largest and quadratic KL over the radius."""
    quantities = ("kl_ratio", "max_kl_ratio", "quadratic_kl_ratio")
    columns = [partial(over_updates, quantity=quantity) for quantity in quantities]
    text = (
        f"{sheet.runs}; rules with a radius. {OVER_RUNS}; dashed: the radius. Smaller ratios stand at {short(LEAST)}."
    )
    return sheet.lines(name, with_ratios(sheet.results.updates), columns, text, shared=True)


def agreement(sheet: Sheet, name: str) -> list[Path]:
    """Actual over predicted gain, and the radius, over time."""
    columns = [partial(over_updates, quantity=quantity) for quantity in ("agreement", "radius")]
    text = f"{sheet.runs}; rules with a radius. {OVER_RUNS}; dashed: the model was right. Ratios beyond the view: cut."
    return sheet.lines(name, with_ratios(sheet.results.updates), columns, text, shared=True)


def bounds(sheet: Sheet, name: str) -> list[Path]:
    """Claimed against true gains."""
    text = (
        f"{sheet.runs}; rules that name a bound. Dot: an update, at most {MOST} a rule, evenly thinned; under the "
        "line: less came than was claimed. Linear about 0, logarithmic beyond; one in a hundred may lie out of view."
    )
    return sheet.lines(name, with_gains(sheet.results.updates), [bound_slack], text, dots=True)


def reuse(sheet: Sheet, name: str) -> list[Path]:
    """Importance weights against the depth of re-use."""
    text = f"{sheet.runs}; rules that re-use a batch. Each run's mean over updates. {OVER_RUNS}."
    reuses = sheet.results.reuses
    deep = reuses[reuses.groupby(["env", "label"]).k.transform("max") > 0]
    return sheet.lines(name, deep, [partial(over_reuses, quantity=quantity) for quantity in REUSE], text, shared=True)


def blind_spot(sheet: Sheet, name: str) -> list[Path]:
    """Signal, hindsight and starts of episodes, around the fall of runs that lost what they had learnt."""
    found = traces(sheet.results)
    fell = found[found.aligned].groupby("env").run_id.nunique()
    lost = "runs that lost a fifth of their best, from there on (dashed)"
    said = "".join(f"{env}: the {n} {lost}. " for env, n in fell.items())
    text = (
        f"{sheet.runs}. Thin: a run; thick: median. {said}But for the return, ratios of sums over the last {TOGETHER} "
        "watched updates. Signal: share of the natural gradient that two halves of the environments agree on. "
        "Hindsight: the gain of a step by the next batch, over what its own batch promised, cut at "
        f"{KEPT[0]:g} and {KEPT[1]:g}. KL and squared advantage at starts of episodes, over the mean of all rows."
    )
    return sheet.lines(name, found, [partial(around_fall, quantity=quantity) for quantity in SHOWN], text)


def wall_clock(sheet: Sheet, name: str) -> list[Path]:
    """Seconds per thousand steps by phase."""
    if sheet.clock is None:
        return []
    phases = {
        phase.removesuffix("_s").replace("_", " "): Line2D([], [], color=colour, linewidth=5)
        for phase, colour in COLOURS.items()
    }
    text = f"{sheet.runs}. Mean over runs, evaluation left out. {sheet.clock}"
    return sheet.rows(name, sheet.results.runs, [wall_clock_split], text, legend=phases)


HEALTH: dict[str, Callable[[Sheet, str], list[Path]]] = {
    "stability": stability,
    "kl": kl,
    "radius": radius,
    "agreement": agreement,
    "bounds": bounds,
    "reuse": reuse,
    "blind_spot": blind_spot,
    "wall_clock": wall_clock,
}
