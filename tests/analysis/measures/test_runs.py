import math
from dataclasses import replace

import numpy as np
import pytest
from analysis_cases import curve_of, only, write_cell, write_results
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from analysis.load import load
from analysis.measures import collapsed, measure_runs
from analysis.measures.efficiency import THRESHOLDS
from analysis.plots.looks import style_of
from analysis.plots.stability import steadiness
from analysis.summary import summarize
from experiments.records import PROTOCOL

INF = float("inf")


def test_a_row_per_run_with_the_numbers_of_its_curve(results):
    measures = measure_runs(results).set_index("run_id")
    climbs, stays = measures.loc["climbs-Easy-v0-0"], measures.loc["stays-Easy-v0-0"]
    assert climbs.final_sampled == 81 and climbs.final_sampled_z == pytest.approx(0.81)
    assert climbs.nauc == pytest.approx(0.4) and stays.nauc == pytest.approx(0.1)
    assert climbs["steps_to_0.5"] == INF and climbs["seconds_to_0.25"] == 1.5 and stays["steps_to_0.25"] == INF
    assert climbs.max_drawdown == 0 and climbs.evaluation_se == 1.0
    assert climbs.kl_violation_share == 0.25 and climbs.max_kl_violation_share == 0.75
    assert math.isnan(stays.kl_violation_share) and climbs.rejected_share == 0.25
    assert climbs.rollout_share == 0.4 and climbs.steps_per_s == pytest.approx(400 / 7)
    assert measures.loc["climbs-Hard-v0-0"].final_sampled_z == pytest.approx(91 / 20)


def test_a_failed_run_counts_at_the_random_level_from_then_on(folder):
    write_cell(folder, "Easy-v0", "climbs", 0, status="diverged", reached=5)
    row = measure_runs(load(folder)).set_index("run_id").loc["climbs-Easy-v0-0"]
    assert row.imputed and row.status == "diverged" and row.protocol == PROTOCOL
    assert row.final_sampled == 0 and row.final_sampled_z == 0
    # 0, .1, .2, .3, .4, then four times 0 by imputation
    assert row.nauc == pytest.approx(1 / 8)
    assert row["steps_to_0.25"] == INF and row.max_drawdown == pytest.approx(0.4)


def test_a_failure_before_any_evaluation_is_all_random_level(folder):
    write_cell(folder, "Easy-v0", "climbs", 0, status="env_error", reached=0)
    row = measure_runs(load(folder)).set_index("run_id").loc["climbs-Easy-v0-0"]
    assert row.nauc == 0 and row["steps_to_0.25"] == INF


@pytest.mark.parametrize("reached", [0, 1, 3])
def test_where_every_run_fails_before_a_window_of_evaluations_none_has_reached_a_threshold(folder, reached):
    """The grid is known from the plan's budget and these few points only; that they reached nothing is known all the
    same."""
    only(folder, lambda cell: cell["env"] == "Easy-v0" and cell["label"] == "climbs")
    for seed in range(5):
        write_cell(folder, "Easy-v0", "climbs", seed, status="env_error", reached=reached)
    measures = measure_runs(load(folder))
    assert (measures[[f"steps_to_{at:g}" for at in THRESHOLDS]] == INF).to_numpy().all()
    summary = summarize(measures).iloc[0]
    assert (summary.reach_rate, summary.steps_to_threshold, summary.failure_rate) == (0, 400, 1)


def test_an_ok_run_whose_last_policy_was_not_judged_by_mean_actions_has_no_number_there(results):
    """It did not fail, so nothing stands for what was not measured."""
    every = results.evaluations
    without = replace(results, evaluations=every[~(every.final & (every.action == "mean"))])
    row = measure_runs(without).set_index("run_id").loc["climbs-Easy-v0-0"]
    assert row.final_sampled == 81 and math.isnan(row.final_mean) and math.isnan(row.final_mean_z)


SINKS = [0.0, -1, -5, -20, -50, -50, -50, -50, -50]


@pytest.mark.parametrize("reached", range(1, 9))
def test_diverging_does_not_pay(folder, reached):
    """Five runs that sink to -50 and survive there are no worse than five that sink and diverge."""
    for seed in range(5):
        write_cell(folder, "Easy-v0", "stays", seed, returns=SINKS)
        write_cell(folder, "Easy-v0", "climbs", seed, status="diverged", reached=reached, returns=SINKS)
    measures = measure_runs(load(folder))
    survive, diverge = (
        measures[(measures.env == "Easy-v0") & (measures.label == label)] for label in ("stays", "climbs")
    )
    last = SINKS[reached - 1]
    assert (diverge.final_sampled == last).all() and (diverge.final_mean_z == last / 100).all()
    if last == -50:
        assert diverge.nauc.to_list() == survive.nauc.to_list()
        assert diverge.final_sampled.max() <= survive.final_sampled.min()
    assert (diverge[[f"steps_to_{at:g}" for at in THRESHOLDS]] == INF).to_numpy().all()


def test_a_run_that_diverged_has_reached_no_threshold(folder):
    """It is not censored: whatever it had before, it has lost."""
    write_cell(folder, "Easy-v0", "climbs", 0, status="diverged", reached=8, returns=[0.0] + [90.0] * 8)
    write_cell(folder, "Easy-v0", "climbs", 1, returns=[0.0] + [90.0] * 8)
    rows = measure_runs(load(folder)).set_index("run_id")
    assert rows.loc["climbs-Easy-v0-1", "steps_to_0.5"] == 50 and rows.loc["climbs-Easy-v0-0", "steps_to_0.5"] == INF


def test_a_rule_whose_runs_fail_at_half_time_collapses_in_tables_and_figures_alike(folder):
    write_cell(folder, "Easy-v0", "climbs", 0, status="diverged", reached=4)
    write_cell(folder, "Easy-v0", "climbs", 1, returns=[0.0, 40, 80, 80, 30, 30, 30, 30, 30])
    write_cell(folder, "Easy-v0", "climbs", 2, returns=[0.0, 80, 30, 30, 30, 30, 30, 80, 80])
    measures = measure_runs(load(folder))
    easy = measures[(measures.env == "Easy-v0") & (measures.label == "climbs")]
    assert easy.collapse.to_list() == ["terminal", "terminal", "recovered", "none", "none"]
    assert collapsed(easy).to_list() == [True, True, True, False, False]
    summary = summarize(measures).set_index(["env", "label"]).loc[("Easy-v0", "climbs")]
    assert summary.collapse_rate == 0.6
    figure = Figure().add_subplot()
    steadiness(easy, figure, style_of(["climbs"]), "collapsed")
    assert 0.6 in [float(x) for line in figure.lines for x in np.atleast_1d(line.get_xdata())]


def test_without_a_reference_there_is_no_score(folder):
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"Easy-v0": [0.0, 100.0], ', ""))
    row = measure_runs(load(folder)).set_index("run_id").loc["climbs-Easy-v0-0"]
    assert row.final_sampled == 81 and math.isnan(row.final_sampled_z) and math.isnan(row.nauc)


def test_the_order_of_runs_does_not_matter(folder, monkeypatch):
    import analysis.load

    straight = measure_runs(load(folder))
    monkeypatch.setattr(analysis.load, "sorted", lambda names: sorted(names, reverse=True), raising=False)
    assert measure_runs(load(folder)).equals(straight)


def test_the_last_value_can_stand_for_what_a_failed_run_did_not_live_to_see(folder):
    write_cell(folder, "Easy-v0", "climbs", 0, status="diverged", reached=5)
    row = measure_runs(load(folder), "last value").set_index("run_id").loc["climbs-Easy-v0-0"]
    assert row.imputed and row.final_sampled == 40 and row.final_sampled_z == 0.4 and row.final_mean == 40
    assert row.nauc == pytest.approx((0.8 + 4 * 0.4) / 8)
    with pytest.raises(ValueError, match="expected one of random or worse, last value"):
        measure_runs(load(folder), "hope")


def test_the_noise_of_evaluating_is_taken_off(results):
    row = measure_runs(results).set_index("run_id").loc["climbs-Easy-v0-0"]
    # eight equal differences of .1; each evaluation has a standard error of .01, but their spread is 0 already
    assert row.dispersion == pytest.approx(0, abs=1e-12) and row.dispersion_corrected == 0
    assert row.short_term_risk == pytest.approx(-0.1) and -0.03 < row.short_term_risk_excess < 0
    assert row.max_drawdown == 0 and -0.001 < row.max_drawdown_excess <= 0, "noise of .01 hides in the rise"
    assert row.collapse == "none"
    assert row.loss_share == 0 and row.excess_loss_share == pytest.approx(-0.05)


SCALED = ("nauc", "final_sampled_z", "dispersion_corrected", "short_term_risk_excess", "max_drawdown_excess")


@settings(max_examples=4, deadline=None)
@given(scale=st.sampled_from([0.25, 2.0, 8.0]), shift=st.integers(-50, 50))
def test_scores_do_not_know_the_unit_of_the_return(tmp_path_factory, scale, shift):
    """Returns and references a R + b give the scores of R; thresholds and steps to them stay."""
    plain = measure_runs(load(write_results(tmp_path_factory.mktemp("plain"))))
    moved = measure_runs(load(write_results(tmp_path_factory.mktemp("moved"), scale, shift)))
    for name in (*SCALED, "steps_to_0.5", "loss_share"):
        np.testing.assert_allclose(moved[name], plain[name], atol=1e-12, err_msg=name)
    np.testing.assert_allclose(moved.final_sampled, scale * plain.final_sampled + shift)
    assert curve_of("climbs", 0)[-1] == 80
