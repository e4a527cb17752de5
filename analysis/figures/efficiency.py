"""Figures of returns, sample efficiency and comparisons."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from analysis.across import improvements, profiles
from analysis.figures.sheet import MARGIN, ROW, Sheet
from analysis.measures.efficiency import THRESHOLDS, WINDOW
from analysis.plots.comparison import comparison, failed, pooled_comparison
from analysis.plots.curves import BANDED, COSTS, learning_curve, with_cost, with_views
from analysis.plots.efficiency import threshold_handles, time_to_thresholds
from analysis.plots.improvement import improvement_matrix
from analysis.plots.looks import family, style_of
from analysis.plots.names import names, wrapped
from analysis.plots.profiles import performance_profile
from analysis.plots.sensitivity import FLOOR, finite_sweeps, sensitivity
from analysis.plots.stability import LOST
from analysis.plots.style import FULL, caption, chunks, legend_below, legend_beside, panels, save
from analysis.plots.ticks import alike

MOST_RULES = 12  # whose probabilities a matrix can print
NAMES = {"final_sampled_z": "normalised final return", "nauc": "normalised area under the curve"}


def curves(sheet: Sheet, name: str, x: str) -> list[Path]:
    """Learning curves against one cost."""
    if x == "train_s" and sheet.clock is None:
        return []
    frame = with_views(with_cost(sheet.curves, x), x)
    parts = [f"{sheet.runs}. Thin: a run; thick: interquartile mean; actions sampled."]
    if frame.groupby(["env", "label"]).seed.nunique().max() >= BANDED:
        parts.append(f"Shade: 95 % band, simultaneous over the curve; none below {BANDED} runs.")
    if frame.imputed.any():
        parts.append("Cross: a run failed; dashed: what it counts as from there on.")
    if x != "grid_step":
        parts.append(f"Mean and band stand at the runs' mean {COSTS[x]}.")
    if x == "train_s":
        parts.append(str(sheet.clock))
    if frame.label.nunique() < sheet.curves.label.nunique():
        parts.append(f"Rules without {COSTS[x]} left out.")
    return sheet.lines(name, frame, [partial(learning_curve, x=x)], " ".join(parts))


def aggregates(sheet: Sheet, name: str, measure: str) -> list[Path]:
    """A dot per run and an interval per rule, of each environment and of all."""
    measures, style = sheet.scored, sheet.style
    groups = list(measures.groupby("env", sort=True))
    if not groups:
        return []
    whole = len(groups) > 1
    figure, axes = panels(len(groups) + whole, height=0.75 + ROW * len(style), columns=4, sharey=True)
    for ax, (env, part) in zip(axes, groups, strict=False):
        comparison(part, ax, style, measure).set_title(str(env), loc="left")
    if whole:
        pooled_comparison(measures, axes[-1], style, measure).set_title("all environments", loc="left")
    alike(axes, "x", MARGIN)
    what = f"{NAMES[measure]} (0 random or fixed actions, 1 reference)"
    figure.supxlabel(wrapped(what, figure.get_figwidth() * 72 / 8 - 2), fontsize=8)
    text = f"{sheet.runs}. Dot: a run{_crosses(sheet)}; triangle: one beyond the scale; bar: interquartile mean, 95 %"
    text += " interval, or a ring if there is none"
    caption(figure, text + ("; all environments: stratified bootstrap, not a test." if whole else "."))
    return save(figure, sheet.folder, name)


def times(sheet: Sheet, name: str, unit: str) -> list[Path]:
    """Steps or seconds to each threshold, where the evaluation grid is fine enough."""
    if unit == "seconds" and sheet.clock is None:
        return []
    known = sheet.scored[sheet.scored[f"{unit}_to_{THRESHOLDS[0]:g}"].notna()]
    clock = f" {sheet.clock}" if unit == "seconds" else ""
    text = (
        f"{sheet.runs}. Dot: a run, where its score first held the threshold over {WINDOW} evaluations; cross: the end "
        f"of one that never did; number: runs at one place; bar: mean of min(time, end). No interval, no test.{clock}"
    )
    panel = partial(time_to_thresholds, unit=unit)
    return sheet.rows(name, known, [panel], text, row=0.3, legend=threshold_handles())


def profile(sheet: Sheet, name: str) -> list[Path]:
    """Performance profiles over all environments."""
    frame = profiles(sheet.scored)
    few = sheet.scored.groupby(["label", "env"]).size().groupby("label").min() < BANDED
    frame.loc[frame.label.isin(few[few].index), ["low", "high"]] = float("nan")
    groups = chunks({label: look for label, look in sheet.style.items() if label in set(frame.label)})
    if frame.empty:
        return []
    crowded = len(groups) > 1
    figure, axes = panels(len(groups), height=2.3 if crowded else 2.1, columns=2)
    for ax, group in zip(axes, groups, strict=True):
        performance_profile(frame[frame.label.isin(list(group))], ax, group)
    alike(axes, "x")
    if crowded:
        figure.set_figwidth(FULL)
        for ax, group in zip(axes, groups, strict=True):
            legend_beside(ax, group, dots=False)
    else:
        legend_below(figure, groups[0])
    caption(
        figure,
        f"{_pooled(sheet)} Line: share of runs; shade: 95 % stratified bootstrap, "
        f"pointwise, none below {BANDED} runs: not a test.",
    )
    return save(figure, sheet.folder, name)


def improvement(sheet: Sheet, name: str) -> list[Path]:
    """Probability of improvement of every pair, up to MOST_RULES rules."""
    if not 1 < sheet.scored.label.nunique() <= MOST_RULES:
        return []
    frame = improvements(sheet.scored)
    if frame.empty:
        return []
    rules = frame["first"].nunique()
    figure, (ax,) = panels(1, height=max(2.0, 0.6 + 0.36 * rules))
    figure.set_figwidth(min(FULL, 2.2 + 0.5 * rules))
    improvement_matrix(frame, ax, sheet.style)
    text = f"{_pooled(sheet)} P(a run of the row ends above one of the column), mean over environments, ties half; "
    caption(figure, text + "small: 95 % stratified bootstrap. Not a test: at five runs it errs in 10 % of equal pairs.")
    return save(figure, sheet.folder, name)


def swept(sheet: Sheet, name: str) -> list[Path]:
    """Final return against each swept number, a panel per environment and number."""
    measure = "final_sampled_z" if len(sheet.scored) else "final_sampled"
    frame = finite_sweeps(sheet.measures, measure, sheet.results.runs, sheet.results.defaults)
    frame = frame.assign(line=frame.line.map(names(frame.line)), parameter=frame.parameter.map(names(frame.parameter)))
    parts = list(frame.groupby(["env", "parameter"], sort=True))
    if not parts:
        return []
    rules = {family(label): rule for label, rule in sheet.rules.items()}
    lines = style_of(frame.line, {line: rules.get(family(line), family(line)) for line in frame.line})
    columns = min(3, frame.parameter.nunique())
    figure, axes = panels(len(parts), columns=columns)
    for ax, ((env, _), part) in zip(axes, parts, strict=True):
        sensitivity(part, ax, lines, measure).set_title(str(env), loc="left")
        if ax.get_subplotspec().colspan.start:  # type: ignore[union-attr]
            ax.set_ylabel("")
    if measure.endswith("_z"):
        alike(axes, "y")
    for parameter in frame.parameter.unique():
        alike([ax for ax, ((_, other), _) in zip(axes, parts, strict=True) if other == parameter], "x")
    legend_below(figure, lines)
    text = f"{sheet.runs}. Dot: a run; line: interquartile mean; ring: the default; cross: a run that failed or {LOST}."
    caption(figure, text + (f" Scores below {FLOOR:g} stand there." if measure.endswith("_z") else ""))
    return save(figure, sheet.folder, name)


def _crosses(sheet: Sheet) -> str:
    return ", a cross if it failed" if failed(sheet.measures).any() else ""


def _pooled(sheet: Sheet) -> str:
    environments = sheet.scored.env.nunique()
    text = f"{sheet.runs}; {'one environment' if environments == 1 else f'{environments} environments'}."
    return text + (" Rules with missing runs left out." if (sheet.scored.status == "missing").any() else "")


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
