"""Analysing from Python: results as tidy frames, numbers per run, tests between rules, figures on axes of one's own.

import analysis

results = analysis.load_results("results/mine")
measures = analysis.measure_runs(results)              # a row per run
analysis.summarize(measures)                           # a row per environment and rule, with intervals
analysis.compare_rules(results)                        # a row per environment and pair, with a verdict
with analysis.theme():
    figure, ax = plt.subplots()
    analysis.plot_learning_curves(results, "CartPole-v1", ax)
print(analysis.latex_table(results))
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from analysis.compare import compare
from analysis.in_short import in_short
from analysis.latex import results_table
from analysis.load import Results, ResultsError, load
from analysis.measures import measure_runs
from analysis.page.evidence import gather
from analysis.plots.comparison import comparison
from analysis.plots.curves import COSTS, curves_of, learning_curve, with_cost, with_views
from analysis.plots.looks import Style, style_of
from analysis.plots.style import theme
from analysis.summary import summarize

__all__ = [
    "Results",
    "ResultsError",
    "compare_rules",
    "latex_table",
    "load_results",
    "measure_runs",
    "plot_learning_curves",
    "plot_scores",
    "short_table",
    "summarize",
    "theme",
]
SCORES = ("final_sampled_z", "final_mean_z", "nauc")  # columns of measures that 0 and 1 mean the same for


def load_results(folder: str | Path, mixed: bool = False) -> Results:
    """A results directory as tidy frames: `runs`, `updates`, `trials`, `reuses`, `evaluations`, and what was planned.

    mixed: accept cells that different code or library versions made. Raises ResultsError.
    """
    return load(Path(folder), mixed)


def compare_rules(results: Results, measures: pd.DataFrame | None = None) -> pd.DataFrame:
    """A row per environment, pair of rules and measure: difference, interval, corrected p-value, verdict.

    The pairs are those that the matrix declares, else all. `attrs["note"]` says what there is to say about them.
    """
    frame, note = compare(results, measure_runs(results) if measures is None else measures)
    frame.attrs["note"] = note
    return frame


def plot_learning_curves(results: Results, env: str, ax: Axes, cost: str = "grid_step") -> Axes:
    """Returns of evaluations on one environment: runs thin, their interquartile mean thick, a simultaneous band.

    cost: what runs along the axis: "grid_step", "train_s", "gradient_evaluations" or "fisher_products". Every line has
    its rule's label: `ax.legend()` shows them. Raises ResultsError for what these results do not have.
    """
    if cost not in COSTS:
        raise ResultsError(f"no cost {cost}; expected one of {', '.join(COSTS)}")
    points = curves_of(_only(results, env))
    return learning_curve(with_views(with_cost(points[points.env == env], cost), cost), ax, _style(results), cost)


def plot_scores(results: Results, env: str, ax: Axes, measure: str = "final_sampled_z") -> Axes:
    """A score on one environment: a row per rule, a dot per run, the interquartile mean with its interval.

    measure: "final_sampled_z" or "final_mean_z" of the last policy, "nauc" while training. 0 is a policy that acts
    without looking, 1 the reference. Raises ResultsError for what these results do not have.
    """
    measures = measure_runs(_only(results, env))
    if measure not in SCORES or measures[measures.env == env][measure].isna().all():
        there = ", ".join(name for name in SCORES if measures[measures.env == env][name].notna().any())
        raise ResultsError(f"no score {measure} on {env}; expected one of {there or 'none: it has no reference'}")
    style = _style(results)
    ax.set_xlabel(measure)
    return comparison(measures[measures.env == env], ax, style, measure)


def latex_table(results: Results, measure: str = "final_sampled", names: Mapping[str, str] | None = None) -> str:
    """A booktabs table, a column per environment, bold by verdict; measure: "final_sampled" or "nauc".

    names: what to show for labels and environments.
    """
    shown = dict(names or {})
    return results_table(gather(results), measure, lambda text: shown.get(text, text))


def short_table(results: Results) -> str:
    """What a run ends with: runs, final returns and nAUC with their intervals, and the verdicts."""
    return in_short(gather(results))


def _only(results: Results, env: str) -> Results:
    """The same results, if they have this environment. Raises ResultsError."""
    there = sorted(set(results.planned.env))
    if env not in there:
        raise ResultsError(f"no environment {env} in {results.folder}; expected one of {', '.join(there)}")
    return results


def _style(results: Results) -> Style:
    rules = dict(zip(results.planned.label, results.planned.rule, strict=True))
    return style_of(results.planned.label, rules)
