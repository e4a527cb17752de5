import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from analysis.plots.comparison import VIEW, comparison, pooled_comparison
from analysis.plots.curves import aligned, curves_of, learning_curve, with_cost, with_views
from analysis.plots.style import panels
from analysis.plots.wall_clock import SHOWN, wall_clock_split


@pytest.fixture
def results(shared):
    return shared


def easy(frame):
    return frame[frame.env == "Easy-v0"]


COSTS = {"grid_step": (400, 2), "gradient_evaluations": (4, 2), "fisher_products": (40, 1), "train_s": (4.0, 2)}


@pytest.fixture
def curves(results):
    """The curves of one environment."""
    return easy(curves_of(results))


def drawn(curves, ax, style, x="grid_step"):
    return learning_curve(with_views(with_cost(curves, x), x), ax, style, x)


def thick(ax):
    return [line for line in ax.lines if line.get_linewidth() == 1.6]


def thin(ax):
    return [lines for lines in ax.collections if isinstance(lines, LineCollection)]


@pytest.mark.parametrize("x", COSTS)
def test_every_run_is_thin_and_the_aggregate_thick(curves, ax, style, x):
    end, rules = COSTS[x]
    drawn(curves, ax, style, x)
    assert [len(lines.get_segments()) for lines in thin(ax)] == [5] * rules, "a rule without such a cost is left out"
    assert len(thick(ax)) == rules and thick(ax)[0].get_color() == style["climbs"].color
    assert thick(ax)[0].get_xdata()[-1] == end
    assert list(thick(ax)[0].get_ydata()) == pytest.approx([10 * k + 2 for k in range(9)])
    assert len(ax.collections) == 2 * rules, "a band per rule"


def test_costs_that_differ_by_far_are_logarithmic_and_begin_after_nothing(curves, ax, style):
    dear = curves.label == "stays"
    curves = curves.assign(gradient_evaluations=curves.gradient_evaluations * np.where(dear, 100, 1))
    drawn(curves, ax, style, "gradient_evaluations")
    assert ax.get_xscale() == "log" and all((line.get_xdata() > 0).all() for line in ax.lines)


def test_curves_meet_at_the_mean_of_what_they_cost(curves, ax, style):
    curves = curves.assign(train_s=curves.train_s * (1 + curves.seed))
    drawn(curves, ax, style, "train_s")
    assert list(thick(ax)[0].get_xdata()) == pytest.approx([1.5 * k for k in range(9)])


@pytest.mark.parametrize(("runs", "bands"), [(4, 0), (5, 2)])
def test_below_five_runs_there_is_no_band_nor_anything_for_it(curves, ax, style, runs, bands):
    drawn(curves[curves.seed < runs], ax, style)
    assert len(ax.collections) - len(thin(ax)) == bands and len(ax.lines) == 2


def failed_early(curves):
    """Run 4 of `climbs` failed after step 100, and counts as -5 from there on."""
    gone = (curves.label == "climbs") & (curves.seed == 4) & (curves.grid_step > 100)
    return curves.assign(imputed=gone, return_mean=curves.return_mean.where(~gone, -5.0))


def test_a_curve_goes_on_after_a_failure_which_is_marked(curves, ax, style):
    curves = failed_early(curves)
    drawn(curves, ax, style)
    measured, after = thin(ax)[:2]
    assert [len(line) for line in measured.get_segments()] == [9, 9, 9, 9, 3]
    (line,) = after.get_segments()
    assert line[0].tolist() == [100, 24] and line[-1].tolist() == [400, -5] and after.get_linestyle()[0][1]
    (cross,) = (marks for marks in ax.collections if isinstance(marks, PathCollection))
    assert cross.get_offsets().tolist() == [[100, 24]]
    centre = thick(ax)[0]
    assert centre.get_xdata()[-1] == 400 and centre.get_ydata()[-1] == pytest.approx(81), "of 83, 82, 81, 80 and -5"


def test_costs_are_those_of_the_runs_that_got_there(curves):
    part = failed_early(curves).query("label == 'climbs'")
    part = part.assign(train_s=part.train_s.where(~part.imputed, 1e6))
    costs, returns = aligned(part, "train_s")
    assert list(costs) == pytest.approx([0.5 * k for k in range(9)]) and returns.shape == (5, 9)


def test_a_single_run_far_from_all_others_leaves_the_view_and_is_counted(curves, ax, style):
    lost = (curves.label == "stays") & (curves.seed == 0) & (curves.grid_step > 200)
    drawn(curves.assign(return_mean=curves.return_mean.where(~lost, -1e4)), ax, style)
    low, high = ax.get_ylim()
    assert -200 < low < 0 and high > 84
    assert [text.get_text() for text in ax.texts] == ["1 run beyond the view"]


def test_runs_that_are_all_in_view_are_not_counted(curves, ax, style):
    drawn(curves, ax, style)
    assert not ax.texts and ax.get_ylim()[0] < 0 and ax.get_ylim()[1] > 84


def test_a_comparison_shows_each_run_and_refuses_an_aggregate_of_some(shared_measures, ax, style):
    measures = easy(shared_measures).copy()
    comparison(measures, ax, style, "nauc")
    assert [len(dots.get_offsets()) for dots in ax.collections] == [5, 5] and len(ax.lines) == 2 * 2 + 2
    measures.loc[measures.index[0], "status"] = "missing"
    other = Figure().add_subplot()
    comparison(measures, other, style, "nauc")
    assert len(other.lines) == 2 + 2, "the rule with a missing run has dots only"


def test_a_run_that_failed_is_a_cross_and_one_beyond_the_scale_a_triangle_at_its_edge(shared_measures, ax, style):
    measures = easy(shared_measures).copy()
    mine = measures.index[measures.label == "climbs"]
    measures.loc[mine[0], "status"] = "diverged"
    measures.loc[mine[1], "nauc"] = -20.0
    comparison(measures, ax, style, "nauc")
    sizes = [len(marks.get_offsets()) for marks in ax.collections]
    assert sizes == [3, 1, 1, 5], "dots, cross and triangle of climbs; dots of stays"
    assert ax.collections[2].get_offsets()[0][0] == VIEW[0] and ax.get_xlim()[0] > -1


def test_an_estimate_without_an_interval_is_a_ring(shared_measures, ax, style):
    comparison(easy(shared_measures)[lambda runs: runs.seed == 0], ax, style, "nauc")
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() for line in points] == ["white"] * 2
    assert all(len(set(line.get_ydata())) > 1 for line in ax.lines if line not in points), "no bars, levels alone"


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
