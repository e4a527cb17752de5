"""How good, how soon, and with how much certainty."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from analysis.across import improvements, profiles
from analysis.figures.sheet import ROW, Sheet
from analysis.measures.efficiency import THRESHOLDS
from analysis.plots.comparison import comparison, pooled_comparison
from analysis.plots.curves import COSTS, learning_curve, with_cost
from analysis.plots.efficiency import threshold_handles, time_to_thresholds
from analysis.plots.improvement import improvement_matrix
from analysis.plots.profiles import performance_profile
from analysis.plots.sensitivity import finite_sweeps, sensitivity
from analysis.plots.style import (
    FULL,
    caption,
    chunks,
    legend_below,
    legend_of_panel,
    panels,
    save,
    style_of_families,
)

MOST_RULES = 12  # whose probabilities a matrix can print
NAMES = {"final_sampled_z": "normalised final return", "nauc": "normalised area under the curve"}


def curves(sheet: Sheet, name: str, x: str) -> list[Path]:
    """Learning curves against one cost."""
    if x == "train_s" and sheet.clock is None:
        return []
    frame = with_cost(sheet.results.evaluations, x)
    more = "" if x == "grid_step" else f" Band and centre stand at the runs' mean {COSTS[x]} of each grid point."
    if x == "train_s":
        more += f" {sheet.clock}"
    if frame.label.nunique() < sheet.results.evaluations.label.nunique():
        more += f" Rules without {COSTS[x]} left out."
    text = (
        f"{sheet.runs}. Thin: every run; thick: interquartile mean; actions sampled.\n"
        f"Shade, or dotted with few runs: 95 % band, simultaneous over the curve.{more}"
    )
    return sheet.lines(name, frame, [partial(learning_curve, x=x)], text)


def aggregates(sheet: Sheet, name: str, measure: str) -> list[Path]:
    """A dot per run and an interval per rule, of each environment and of all."""
    measures, style = sheet.scored, sheet.style
    groups = list(measures.groupby("env", sort=True))
    if not groups:
        return []
    whole = len(groups) > 1
    figure, axes = panels(len(groups) + whole, height=1.0 + ROW * len(style), columns=4, sharey=True)
    for ax, (env, part) in zip(axes, groups, strict=False):
        comparison(part, ax, style, measure).set_title(str(env))
    if whole:
        pooled_comparison(measures, axes[-1], style, measure).set_title("all environments")
    figure.supxlabel(f"{NAMES[measure]} (0 random or fixed actions, 1 reference)", fontsize=8)
    text = f"{sheet.runs}. Dot: a run; bar: IQM, 95 % trimmed t"
    caption(figure, text + ("; all environments: stratified bootstrap, not a test." if whole else "."))
    return save(figure, sheet.folder, name)


def times(sheet: Sheet, name: str, unit: str) -> list[Path]:
    """Steps or seconds to each threshold, where the grid of evaluations is long enough to tell."""
    if unit == "seconds" and sheet.clock is None:
        return []
    known = sheet.scored[sheet.scored[f"{unit}_to_{THRESHOLDS[0]:g}"].notna()]
    clock = f" {sheet.clock}" if unit == "seconds" else ""
    text = (
        f"{sheet.runs}. Dot: a run, where its score first held the threshold over five evaluations; cross: the end of "
        f"one that never did; bar: mean of min(time, end). No interval, no test.{clock}"
    )
    panel = partial(time_to_thresholds, unit=unit)
    return sheet.rows(name, known, [panel], text, row=0.3, legend=threshold_handles())


def profile(sheet: Sheet, name: str) -> list[Path]:
    """Performance profiles over all environments."""
    frame = profiles(sheet.scored)
    groups = chunks({label: look for label, look in sheet.style.items() if label in set(frame.label)})
    if frame.empty:
        return []
    figure, axes = panels(len(groups), height=2.1 if len(groups) == 1 else 3.0)
    for ax, group in zip(axes, groups, strict=True):
        performance_profile(frame[frame.label.isin(list(group))], ax, sheet.style)
        if len(groups) > 1:
            legend_of_panel(ax, group)
    if len(groups) == 1:
        legend_below(figure, groups[0])
    caption(figure, f"{_pooled(sheet)} Line: share of runs; shade: 95 % stratified bootstrap, pointwise: not a test.")
    return save(figure, sheet.folder, name)


def improvement(sheet: Sheet, name: str) -> list[Path]:
    """Probability of improvement of every pair, up to MOST_RULES rules."""
    if not 1 < sheet.scored.label.nunique() <= MOST_RULES:
        return []
    frame = improvements(sheet.scored)
    if frame.empty:
        return []
    rules = frame["first"].nunique()
    figure, (ax,) = panels(1, height=0.6 + 0.36 * rules)
    figure.set_figwidth(min(FULL, 1.3 + 0.55 * rules))
    improvement_matrix(frame, ax, sheet.style)
    text = f"{_pooled(sheet)} P(a run of the row ends above one of the column), mean over environments, ties half; "
    caption(figure, text + "small: 95 % stratified bootstrap. Not a test: at five runs it errs in 10 % of equal pairs.")
    return save(figure, sheet.folder, name)


def swept(sheet: Sheet, name: str) -> list[Path]:
    """Final return against each swept number, a panel per environment and number."""
    measure = "final_sampled_z" if len(sheet.scored) else "final_sampled"
    frame = finite_sweeps(sheet.measures, measure)
    parts = list(frame.groupby(["env", "parameter"], sort=True))
    if not parts:
        return []
    families = style_of_families(sheet.style)
    figure, axes = panels(len(parts), columns=min(3, frame.parameter.nunique()))
    for ax, ((env, _), part) in zip(axes, parts, strict=True):
        sensitivity(part, ax, families, measure).set_title(str(env))
        if ax.get_subplotspec().colspan.start:  # type: ignore[union-attr]
            ax.set_ylabel("")
    used = {label.partition("(")[0] for label in frame.line}
    legend_below(figure, {family: look for family, look in families.items() if family in used})
    text = (
        f"{sheet.runs} per value. Dot: a run; line: IQM over runs; cross: a run that failed, or collapsed (lost half "
        "of its peak for five evaluations)."
    )
    caption(figure, text + (" Scores below -0.35 stand there." if measure.endswith("_z") else ""))
    return save(figure, sheet.folder, name)


def _pooled(sheet: Sheet) -> str:
    environments = sheet.scored.env.nunique()
    return f"{sheet.runs} on {'one environment' if environments == 1 else f'each of {environments} environments'}."


EFFICIENCY: dict[str, Callable[[Sheet, str], list[Path]]] = {
    "learning_curves": partial(curves, x="grid_step"),
    "learning_curves_gradients": partial(curves, x="gradient_evaluations"),
    "learning_curves_products": partial(curves, x="fisher_products"),
    "learning_curves_seconds": partial(curves, x="train_s"),
    "final": partial(aggregates, measure="final_sampled_z"),
    "area_under_curve": partial(aggregates, measure="nauc"),
    "steps_to_threshold": partial(times, unit="steps"),
    "seconds_to_threshold": partial(times, unit="seconds"),
    "profiles": profile,
    "improvement": improvement,
    "sensitivity": swept,
}
