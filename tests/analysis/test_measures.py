import math

import numpy as np
import pytest
from analysis_cases import write_cell

from analysis.load import load
from analysis.measures import max_drawdown, measure_runs, normalized_auc, time_to_threshold, violation_share

INF = float("inf")


def array(*values):
    return np.array(values, dtype=float)


def test_the_area_is_the_mean_height():
    assert normalized_auc(array(0, 10), array(0, 1)) == 0.5
    assert normalized_auc(array(0, 1, 4), array(2, 2, 2)) == 2.0
    assert normalized_auc(array(0, 1, 4), array(0, 1, 1)) == pytest.approx((0.5 + 3) / 4)
    assert math.isnan(normalized_auc(array(0), array(1)))


def test_a_threshold_is_reached_when_the_window_holds_it_on_average():
    times, scores = array(0, 1, 2, 3, 4), array(0, 1, 0, 1, 1)
    assert time_to_threshold(times, scores, 0.5, window=1) == 1
    assert time_to_threshold(times, scores, 0.5, window=2) == 0
    assert time_to_threshold(times, scores, 0.9, window=2) == 3
    assert time_to_threshold(times, scores, 1.1, window=2) == INF
    assert time_to_threshold(times, array(0, 0, 0, 0, 1), 1.0, window=5) == 4


def test_a_drawdown_is_the_deepest_fall_from_a_peak():
    assert max_drawdown(array(1, 5, 2, 6, 4)) == 3
    assert max_drawdown(array(1, 2, 3)) == 0


def test_violations_count_only_where_there_is_a_bound():
    assert violation_share(array(1, 3, 3), array(2, 2, np.nan)) == 0.5
    assert math.isnan(violation_share(array(1), array(np.nan)))


def test_a_row_per_run_with_the_numbers_of_its_curve(results):
    measures = measure_runs(results).set_index("run_id")
    climbs, stays = measures.loc["climbs-Easy-v0-0"], measures.loc["stays-Easy-v0-0"]
    assert climbs.final_sampled == 81 and climbs.final_sampled_z == pytest.approx(0.81)
    assert climbs.nauc == pytest.approx(0.4) and stays.nauc == pytest.approx(0.1)
    assert climbs["steps_to_0.5"] == 100 and climbs["seconds_to_0.5"] == 1.0 and stays["steps_to_0.25"] == INF
    assert climbs.max_drawdown == 0 and climbs.evaluation_se == 1.0
    assert climbs.kl_violation_share == 0.25 and climbs.max_kl_violation_share == 0.75
    assert math.isnan(stays.kl_violation_share) and climbs.rejected_share == 0.25
    assert climbs.rollout_share == 0.4 and climbs.steps_per_s == pytest.approx(400 / 7)
    assert measures.loc["climbs-Hard-v0-0"].final_sampled_z == pytest.approx(91 / 20)


def test_a_failed_run_counts_at_the_random_level_from_then_on(folder):
    write_cell(folder, "Easy-v0", "climbs", 0, status="diverged", reached=3)
    row = measure_runs(load(folder)).set_index("run_id").loc["climbs-Easy-v0-0"]
    assert row.imputed and row.status == "diverged"
    assert row.final_sampled == 0 and row.final_sampled_z == 0
    # 0, .2, .4, then 0, 0 by imputation
    assert row.nauc == pytest.approx((0.1 + 0.3 + 0.2 + 0) / 4)
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
