import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from analysis.measures import measure_runs
from analysis.plots.comparison import comparison, pooled_comparison
from analysis.plots.curves import learning_curve
from analysis.plots.kl import kl_per_update
from analysis.plots.style import chunks, panels, style_of, thousands
from analysis.plots.wall_clock import SHOWN, wall_clock_split


@pytest.fixture
def ax():
    figure = Figure()
    yield figure.add_subplot()
    plt.close("all")


@pytest.fixture
def style(results):
    return style_of(results.planned.label)


def easy(frame):
    return frame[frame.env == "Easy-v0"]


@pytest.mark.parametrize(("x", "end"), [("grid_step", 400), ("train_s", 4.0)])
def test_every_run_is_thin_and_the_aggregate_thick(results, ax, style, x, end):
    learning_curve(easy(results.evaluations), ax, style, x)
    widths = [line.get_linewidth() for line in ax.lines]
    assert widths.count(0.5) == 10 and widths.count(1.6) == 2
    thick = next(line for line in ax.lines if line.get_linewidth() == 1.6)
    assert thick.get_xdata()[-1] == end and thick.get_ydata()[-1] == pytest.approx(82.0)
    assert len(ax.collections) == 2, "a band per rule"


def test_with_few_runs_a_band_is_its_edges(results, ax, style):
    few = easy(results.evaluations)
    learning_curve(few[few.seed < 3], ax, style)
    assert not ax.collections and sum(line.get_linestyle() == ":" for line in ax.lines) == 2 * 2


def test_a_label_has_the_same_colour_everywhere_and_more_labels_than_colours_differ():
    style = style_of([f"rule{i:02}" for i in range(25)])
    assert len({(look["color"], str(look["linestyle"])) for look in style.values()}) == 25
    assert style_of(["b", "a"]) == style_of(["a", "b", "a"])


@pytest.mark.parametrize(("count", "sizes"), [(3, [3]), (10, [10]), (11, [6, 5]), (28, [9, 10, 9])])
def test_more_rules_than_a_panel_can_show_are_split_evenly(count, sizes):
    style = style_of([f"rule{i:02}" for i in range(count)])
    groups = chunks(style)
    assert [len(group) for group in groups] == sizes
    assert {label: look for group in groups for label, look in group.items()} == style


def test_a_comparison_shows_each_run_and_refuses_an_aggregate_of_some(results, ax, style):
    measures = easy(measure_runs(results))
    comparison(measures, ax, style, "nauc")
    assert [len(dots.get_offsets()) for dots in ax.collections] == [5, 5] and len(ax.lines) == 2 * 2 + 2
    measures.loc[measures.index[0], "status"] = "missing"
    other = Figure().add_subplot()
    comparison(measures, other, style, "nauc")
    assert len(other.lines) == 2 + 2, "the rule with a missing run has dots only"


def test_the_pooled_panel_has_an_interval_per_rule(results, ax, style):
    pooled_comparison(measure_runs(results), ax, style, "nauc")
    assert len(ax.lines) == 2 * 2 + 2


def test_the_radius_is_drawn_where_there_is_one(results, ax, style):
    kl_per_update(easy(results.updates), ax, style)
    assert ax.get_yscale() == "log"
    assert sum(set(line.get_ydata()) == {0.02} for line in ax.lines) == 1


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
