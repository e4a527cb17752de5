import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from analysis.plots.comparison import comparison, pooled_comparison
from analysis.plots.curves import learning_curve
from analysis.plots.style import chunks, panels, style_of, style_of_families, thousands
from analysis.plots.wall_clock import SHOWN, wall_clock_split


@pytest.fixture
def results(shared):
    return shared


def easy(frame):
    return frame[frame.env == "Easy-v0"]


COSTS = {"grid_step": (400, 2), "gradient_evaluations": (4, 2), "fisher_products": (40, 1), "train_s": (4.0, 2)}


@pytest.mark.parametrize("x", COSTS)
def test_every_run_is_thin_and_the_aggregate_thick(results, ax, style, x):
    end, rules = COSTS[x]
    learning_curve(easy(results.evaluations), ax, style, x)
    thin = [lines for lines in ax.collections if isinstance(lines, LineCollection)]
    assert [len(lines.get_segments()) for lines in thin] == [5] * rules, "a rule without such a cost is left out"
    thick = [line for line in ax.lines if line.get_linewidth() == 1.6]
    assert len(thick) == rules and thick[0].get_color() == style["climbs"]["color"]
    assert thick[0].get_xdata()[-1] == end and list(thick[0].get_ydata()) == pytest.approx(
        [10 * k + 2 for k in range(9)]
    )
    assert len(ax.collections) == 2 * rules, "a band per rule"


def test_costs_that_differ_by_far_are_logarithmic_and_begin_after_nothing(results, ax, style):
    evaluations = easy(results.evaluations)
    dear = evaluations.label == "stays"
    evaluations = evaluations.assign(gradient_evaluations=evaluations.gradient_evaluations * np.where(dear, 100, 1))
    learning_curve(evaluations, ax, style, "gradient_evaluations")
    assert ax.get_xscale() == "log" and all((line.get_xdata() > 0).all() for line in ax.lines)


def test_curves_meet_at_the_mean_of_what_they_cost(results, ax, style):
    evaluations = easy(results.evaluations)
    evaluations = evaluations.assign(train_s=evaluations.train_s * (1 + evaluations.seed))
    learning_curve(evaluations, ax, style, "train_s")
    thick = next(line for line in ax.lines if line.get_linewidth() == 1.6)
    assert list(thick.get_xdata()) == pytest.approx([1.5 * k for k in range(9)])


def test_with_few_runs_a_band_is_its_edges(results, ax, style):
    few = easy(results.evaluations)
    learning_curve(few[few.seed < 3], ax, style)
    assert len(ax.collections) == 2, "thin lines alone"
    assert sum(line.get_linestyle() == ":" for line in ax.lines) == 2 * 2


def test_a_label_has_the_same_colour_everywhere_and_more_labels_than_colours_differ():
    style = style_of([f"rule{i:02}" for i in range(25)])
    assert len({(look["color"], str(look["linestyle"])) for look in style.values()}) == 25
    assert style_of(["b", "a"]) == style_of(["a", "b", "a"])


def test_a_sweep_has_its_family_s_colour_from_light_to_dark_in_the_order_of_its_numbers():
    labels = ["npg(lr=10.0)", "npg(lr=1.0)", "npg(lr=0.5)", "npg(lr=3.0)", "trpo"]
    style = style_of(labels)
    assert list(style) == ["npg(lr=0.5)", "npg(lr=1.0)", "npg(lr=3.0)", "npg(lr=10.0)", "trpo"]
    brightness = [sum(look["color"]) for look in style.values()][:4]
    assert brightness == sorted(brightness, reverse=True) and len(set(brightness)) == 4
    assert style_of_families(style)["trpo"] == style["trpo"]


@pytest.mark.parametrize(("count", "sizes"), [(3, [3]), (10, [10]), (11, [6, 5]), (28, [9, 10, 9])])
def test_more_rules_than_a_panel_can_show_are_split_evenly(count, sizes):
    style = style_of([f"rule{i:02}" for i in range(count)])
    groups = chunks(style)
    assert [len(group) for group in groups] == sizes
    assert {label: look for group in groups for label, look in group.items()} == style


def test_a_comparison_shows_each_run_and_refuses_an_aggregate_of_some(shared_measures, ax, style):
    measures = easy(shared_measures).copy()
    comparison(measures, ax, style, "nauc")
    assert [len(dots.get_offsets()) for dots in ax.collections] == [5, 5] and len(ax.lines) == 2 * 2 + 2
    measures.loc[measures.index[0], "status"] = "missing"
    other = Figure().add_subplot()
    comparison(measures, other, style, "nauc")
    assert len(other.lines) == 2 + 2, "the rule with a missing run has dots only"


def test_the_pooled_panel_has_an_interval_per_rule(shared_measures, ax, style):
    pooled_comparison(shared_measures, ax, style, "nauc")
    assert len(ax.lines) == 2 * 2 + 2


def test_the_clock_adds_up_and_leaves_evaluation_out(results, ax, style):
    wall_clock_split(easy(results.runs), ax, style)
    assert len(ax.patches) == 2 * len(SHOWN) and "evaluation_s" not in SHOWN
    total = sum(patch.get_width() for patch in ax.patches) / 2
    assert total == pytest.approx(1000 * 7.0 / 400)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_there_is_a_panel_for_each(n):
    assert len(panels(n)[1]) == n
    plt.close("all")


def test_steps_are_short():
    assert [thousands(x) for x in (0, 500, 1500, 2e6)] == ["0", "500", "1.5k", "2M"]
