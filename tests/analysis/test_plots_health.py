import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from analysis.inference import clopper_pearson
from analysis.plots.bounds import MOST, bound_slack, with_gains
from analysis.plots.looks import style_of
from analysis.plots.reuse import NAMES as REUSE
from analysis.plots.reuse import over_reuses
from analysis.plots.stability import MEASURES, steadiness
from analysis.plots.trust import NAMES, over_updates, with_ratios

NAN = float("nan")


@pytest.fixture
def results(shared):
    return shared


@pytest.fixture
def measures(shared_measures):
    return shared_measures[shared_measures.env == "Easy-v0"].copy()


def points(ax, rows=2):
    """The large dots, by row."""
    return [
        float(line.get_xdata()[0])
        for line in ax.lines
        if line.get_marker() == "o" and line.get_ydata()[0] in range(rows)
    ]


@pytest.mark.parametrize("measure", ["dispersion_corrected", "max_drawdown_excess"])
def test_steadiness_has_a_dot_per_run_and_an_interval_per_rule(measures, ax, style, measure):
    steadiness(measures, ax, style, measure)
    assert [len(marks.get_offsets()) for marks in ax.collections] == [5, 5] and len(points(ax)) == 2
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["climbs", "stays"]


def test_a_collapse_counts_whether_for_good_or_not(measures, ax, style):
    measures["collapse"] = ["terminal", "recovered", "none", "none", "none"] + ["terminal"] + ["none"] * 4
    measures.loc[measures.index[2], "status"] = "diverged"
    steadiness(measures, ax, style, "collapsed")
    assert points(ax) == [0.4, 0.2]
    assert list(ax.lines[0].get_xdata()) == [clopper_pearson(2, 5).low, clopper_pearson(2, 5).high]


def test_the_worst_run_is_how_far_it_stays_below_the_reference(measures, ax, style):
    steadiness(measures, ax, style, "worst")
    assert points(ax) == pytest.approx([1 - 0.81, 1 - 0.11])


def test_what_hardly_differs_is_not_magnified(measures, ax, style):
    measures["dispersion_corrected"] = 1e-5
    steadiness(measures, ax, style, "dispersion_corrected")
    assert np.ptp(ax.get_xlim()) == pytest.approx(0.12)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_rule_with_a_missing_run_has_no_aggregate(measures, ax, style, measure):
    measures.loc[measures.index[0], "status"] = "missing"
    steadiness(measures, ax, style, measure)
    assert len(points(ax)) - np.isnan(points(ax)).sum() == 1


def test_the_radius_is_drawn_where_there_is_one(results, ax, style):
    over_updates(results.updates[results.updates.env == "Easy-v0"], ax, style)
    assert ax.get_yscale() == "log"
    assert sum(set(line.get_ydata()) == {0.02} for line in ax.lines) == 1


def test_a_ratio_is_of_the_rules_that_have_a_radius(results, ax, style):
    updates = with_ratios(results.updates)
    assert set(updates.label) == {"climbs"}
    over_updates(updates[updates.env == "Easy-v0"], ax, style, "max_kl_ratio")
    middle, one = ax.lines
    assert list(middle.get_ydata()) == pytest.approx([0.75, 2.25, 3.75, 1.5]) and set(one.get_ydata()) == {1}
    assert middle.get_color() == style["climbs"].color


def test_a_long_run_is_the_median_of_neighbours_and_keeps_its_end(ax):
    updates = pd.DataFrame(
        {"label": "a", "seed": 0, "env_steps": np.arange(1, 1001), "kl": 0.01, "radius": NAN, "agreement": 0.5}
    )
    over_updates(updates, ax, style_of(["a"]), "agreement")
    assert len(ax.lines[0].get_xdata()) == 334 and ax.lines[0].get_xdata()[-1] == 1000


@pytest.mark.parametrize("quantity", NAMES)
def test_nothing_is_drawn_of_no_updates(results, ax, style, quantity):
    over_updates(with_ratios(results.updates).iloc[:0], ax, style, quantity)
    assert not ax.collections and ax.get_ylabel() == NAMES[quantity]


GAINS = pd.DataFrame(
    {"env": ["Known"] * 2 + ["Unknown"] * 2, "label": "a", "true_return_before": [1.0, 1.0, NAN, NAN],
     "true_return_after": [3.0, 0.5, NAN, NAN], "claimed_gain": [1.5, NAN, NAN, NAN],
     "predicted_bound": [0.1, 0.2, 0.3, 0.4], "achieved_bound": [0.1, 0.1, 0.2, NAN]}
)  # fmt: skip


def test_the_true_gain_stands_against_the_claim_and_elsewhere_the_step_against_its_promise(ax):
    gains = with_gains(GAINS)
    assert list(zip(gains.claimed, gains.came, strict=True)) == [(1.5, 2.0), (0.3, 0.2)]
    bound_slack(gains[gains.env == "Known"], ax, style_of(["a"]))
    assert ax.get_ylabel() == "true gain" and len(ax.collections[0].get_offsets()) == 1
    identity = ax.lines[0]
    assert list(identity.get_xdata()) == list(identity.get_ydata()) and ax.get_xlim()[1] > 1.5


def test_gains_that_are_all_positive_show_no_other_side(ax):
    gains = pd.DataFrame({"label": "a", "claimed": [0.1, 1.0], "came": [-0.1, 1.0], "known": True})
    bound_slack(gains, ax, style_of(["a"]))
    assert 0 < ax.get_xlim()[0] < 0.1 and ax.get_ylim()[0] < -0.1


def test_many_updates_are_thinned_evenly(ax):
    many = pd.DataFrame({"label": "a", "claimed": np.arange(3.0 * MOST), "came": 1.0, "known": True})
    bound_slack(many, ax, style_of(["a"]))
    assert len(ax.collections[0].get_offsets()) == MOST


@pytest.mark.parametrize("quantity", REUSE)
def test_weights_are_a_median_over_runs_of_means_over_updates(ax, quantity):
    rows = [
        (seed, update, k, (seed + 1) / (k + update + 1)) for seed in range(3) for update in (0, 1, 2) for k in (0, 1)
    ]
    reuses = pd.DataFrame(rows, columns=["seed", "update", "k", quantity]).assign(label="a")
    over_reuses(reuses, ax, style_of(["a"]), quantity)
    assert list(ax.lines[0].get_ydata()) == pytest.approx(
        [2 * (1 + 1 / 2 + 1 / 3) / 3, 2 * (1 / 2 + 1 / 3 + 1 / 4) / 3]
    )
    assert list(ax.lines[0].get_xdata()) == [0, 1]


def test_bounds_that_all_lie_close_together_above_zero_have_ticks_on_both_axes():
    gains = pd.DataFrame({"label": "a", "claimed": [0.2, 0.3, 0.4], "came": [0.25, 0.3, 0.5], "known": False})
    ax = bound_slack(gains, plt.figure().add_subplot(), style_of(["a"]))
    for axis in (ax.xaxis, ax.yaxis):
        low, high = axis.get_view_interval()
        assert sum(low <= tick <= high for tick in axis.get_majorticklocs()) >= 2
    plt.close("all")


def test_one_update_that_diverged_does_not_take_the_view_from_the_others(ax):
    usual = np.linspace(-1, 1, 500)
    gains = pd.DataFrame({"label": "a", "claimed": [*usual, -1e16], "came": [*usual, 1e11], "known": False})
    bound_slack(gains, ax, style_of(["a"]))
    for low, high in (ax.get_xlim(), ax.get_ylim()):
        assert -3 < low < -0.9 and 0.9 < high < 3


@pytest.mark.parametrize("runs", [4, 5])
def test_below_five_runs_each_has_a_line_and_there_is_no_shade(results, runs):
    few = results.updates[(results.updates.env == "Easy-v0") & (results.updates.seed < runs)]
    reuses = pd.DataFrame(
        [(label, seed, k, 0.5) for label in ("climbs", "stays") for seed in range(runs) for k in (0, 1)]
    )
    reuses.columns = pd.Index(["label", "seed", "k", "ess"])
    style = style_of(["climbs", "stays"])
    for draw, rows, quantity in ((over_updates, few, "kl"), (over_reuses, reuses, "ess")):
        ax = Figure().add_subplot()
        draw(rows, ax, style, quantity)
        lines = [lines for lines in ax.collections if isinstance(lines, LineCollection)]
        assert len(ax.collections) == 2 and [len(each.get_segments()) for each in lines] == ([4, 4] if runs < 5 else [])
