import math

import numpy as np
import pytest
from analysis_cases import curve_of, write_cell, write_results
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.load import load
from analysis.measures import measure_runs

INF = float("inf")


def test_a_row_per_run_with_the_numbers_of_its_curve(results):
    measures = measure_runs(results).set_index("run_id")
    climbs, stays = measures.loc["climbs-Easy-v0-0"], measures.loc["stays-Easy-v0-0"]
    assert climbs.final_sampled == 81 and climbs.final_sampled_z == pytest.approx(0.81)
    assert climbs.nauc == pytest.approx(0.4) and stays.nauc == pytest.approx(0.1)
    assert climbs["steps_to_0.5"] == 150 and climbs["seconds_to_0.5"] == 1.5 and stays["steps_to_0.25"] == INF
    assert climbs.max_drawdown == 0 and climbs.evaluation_se == 1.0
    assert climbs.kl_violation_share == 0.25 and climbs.max_kl_violation_share == 0.75
    assert math.isnan(stays.kl_violation_share) and climbs.rejected_share == 0.25
    assert climbs.rollout_share == 0.4 and climbs.steps_per_s == pytest.approx(400 / 7)
    assert measures.loc["climbs-Hard-v0-0"].final_sampled_z == pytest.approx(91 / 20)


def test_a_failed_run_counts_at_the_random_level_from_then_on(folder):
    write_cell(folder, "Easy-v0", "climbs", 0, status="diverged", reached=5)
    row = measure_runs(load(folder)).set_index("run_id").loc["climbs-Easy-v0-0"]
    assert row.imputed and row.status == "diverged"
    assert row.final_sampled == 0 and row.final_sampled_z == 0
    # 0, .1, .2, .3, .4, then four times 0 by imputation
    assert row.nauc == pytest.approx(1 / 8)
    assert row["steps_to_0.25"] == INF and row.max_drawdown == pytest.approx(0.4)


def test_a_failure_before_any_evaluation_is_all_random_level(folder):
    write_cell(folder, "Easy-v0", "climbs", 0, status="env_error", reached=0)
    row = measure_runs(load(folder)).set_index("run_id").loc["climbs-Easy-v0-0"]
    assert row.nauc == 0 and row["steps_to_0.25"] == INF


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
    assert row.imputed and row.final_sampled == 40 and row.final_sampled_z == 0.4
    assert row.nauc == pytest.approx((0.8 + 4 * 0.4) / 8)
    with pytest.raises(ValueError, match="expected one of random level, last value"):
        measure_runs(load(folder), "hope")


def test_the_noise_of_evaluating_is_taken_off(results):
    row = measure_runs(results).set_index("run_id").loc["climbs-Easy-v0-0"]
    # eight equal differences of .1; each evaluation has a standard error of .01, but their spread is 0 already
    assert row.dispersion == pytest.approx(0, abs=1e-12) and row.dispersion_corrected == 0
    assert row.short_term_risk == pytest.approx(-0.1) and row.short_term_risk_excess < row.short_term_risk
    assert row.max_drawdown == 0 and -0.05 < row.max_drawdown_excess < 0
    assert row.collapse == row.collapse_significant == "none"
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
