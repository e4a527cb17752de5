import shutil

import numpy as np
import pytest
from analysis_cases import write_cell, write_results

from analysis.inference import trimmed_t_interval
from analysis.load import load
from analysis.measures import measure_runs
from analysis.summary import _median_time, failures_by_kind, number, summarize, summarize_imputed

INF = float("inf")


def table(folder):
    results = load(folder)
    return summarize(measure_runs(results)).set_index(["env", "label"]), results


def soon(folder, *seeds):
    """`climbs` has half of the reference from step 150 on."""
    for seed in seeds:
        write_cell(folder, "Easy-v0", "climbs", seed, returns=[0.0, 10, 20, 60, 60, 60, 60, 70, 80 + seed])


def test_a_row_per_environment_and_rule_with_intervals(folder):
    soon(folder, *range(5))
    summary, _ = table(folder)
    assert len(summary) == 4
    row, expected = summary.loc[("Easy-v0", "climbs")], trimmed_t_interval(81 + np.arange(5.0))
    assert (row.n_planned, row.n_ok, row.failures, row.n_imputed) == (5, 5, "", 0)
    found = (row.final_sampled, row.final_sampled_low, row.final_sampled_high)
    assert found == pytest.approx((expected.estimate, expected.low, expected.high))
    assert row.reach_rate == 1 and row.reach_rate_low == pytest.approx(0.478, abs=1e-3)
    assert row.steps_to_threshold == pytest.approx(150) and row.seconds_to_threshold == pytest.approx(1.5)
    assert (row.final_shortest_low, row.final_shortest_high) == (81, 85) and np.isnan(row.final_tolerance_low)
    assert row.final_iqr == 2 and row.final_min == 81 and row.kl_violation_share == 0.25
    assert summary.loc[("Easy-v0", "stays")].reach_rate == 0
    assert row.steps_to_threshold_median == 150
    never = summary.loc[("Easy-v0", "stays")]
    assert never.steps_to_threshold == 400, "not reached: the whole budget"
    assert never.seconds_to_threshold == pytest.approx(7), "and its seconds, evaluation left out"
    assert np.isnan(never.steps_to_threshold_median)


@pytest.mark.parametrize("seed", range(5))
def test_a_missing_cell_makes_its_row_incomplete_and_never_another_mean(folder, seed):
    whole, _ = table(folder)
    shutil.rmtree(folder / "cells" / f"climbs-Easy-v0-{seed}")
    summary, _ = table(folder)
    row = summary.loc[("Easy-v0", "climbs")]
    assert not row.complete and row.failures == "missing 1" and row.n_planned == 5
    aggregates = [
        name for name in summary if name.startswith(("final", "nauc", "reach", "steps", "max_drawdown", "kl"))
    ]
    assert row[aggregates].isna().all()
    others = summary.drop(("Easy-v0", "climbs"))
    assert others.equals(whole.drop(("Easy-v0", "climbs")))


def test_failures_are_counted_by_kind_and_imputed_by_name(folder):
    write_cell(folder, "Easy-v0", "climbs", 0, status="diverged", reached=2)
    write_cell(folder, "Easy-v0", "climbs", 1, status="timeout", reached=2)
    soon(folder, 2, 3, 4)
    summary, _ = table(folder)
    row = summary.loc[("Easy-v0", "climbs")]
    assert (row.n_ok, row.failures, row.n_imputed) == (3, "diverged 1, timeout 1", 2)
    assert row.reach_rate == pytest.approx(0.6) and row.final_min == 0
    assert row.failure_rate == pytest.approx(0.4) and row.final_lower_quartile_mean == 0
    kinds = failures_by_kind(measure_runs(load(folder))).set_index(["env", "label", "status"])
    assert kinds.n.to_dict() == {("Easy-v0", "climbs", "diverged"): 1, ("Easy-v0", "climbs", "timeout"): 1}
    assert (kinds.rate == 0.2).all() and kinds.high.to_list() == pytest.approx([0.716, 0.716], abs=1e-3)


def test_a_run_that_failed_early_has_not_got_there_quickly(folder):
    """One of five does half of the budget in 7 s of training, and would have taken 14 for all of it."""
    write_cell(folder, "Easy-v0", "stays", 0, status="diverged", reached=5)
    summary, _ = table(folder)
    row = summary.loc[("Easy-v0", "stays")]
    assert row.steps_to_threshold == 400 and row.seconds_to_threshold == pytest.approx((14 + 4 * 7) / 5)


@pytest.mark.parametrize(
    ("times", "median"), [([1, 2, INF, INF], 2), ([1, INF, INF], np.nan), ([3, 1, INF], 3), ([5], 5)], ids=str
)
def test_the_median_time_is_when_half_of_the_runs_had_got_there(times, median):
    assert _median_time(np.array(times, dtype=float)) == pytest.approx(median, nan_ok=True)


def test_other_ways_to_count_failed_runs_stand_beside_the_one_that_is_used(folder, tmp_path_factory):
    for seed in (0, 1):  # one of them the interquartile mean leaves out
        write_cell(folder, "Easy-v0", "climbs", seed, status="diverged", reached=2)
    summary, results = table(folder)
    imputed = summarize_imputed(results, measure_runs(results)).set_index("imputation")
    assert set(imputed.label) == {"climbs"} and set(imputed.env) == {"Easy-v0"}
    assert imputed.n.to_dict() == {"random or worse": 5, "dropped": 3, "last value": 5}
    assert imputed.final_sampled["random or worse"] == summary.loc[("Easy-v0", "climbs")].final_sampled
    assert imputed.nauc["random or worse"] < imputed.nauc["last value"] < imputed.nauc["dropped"]
    results = load(write_results(tmp_path_factory.mktemp("whole")))
    assert summarize_imputed(results, measure_runs(results)).empty


def test_a_single_run_has_numbers_and_no_interval(folder):
    import json

    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["cells"] = [cell for cell in manifest["cells"] if cell["seed"] == 0]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    summary, _ = table(folder)
    row = summary.loc[("Easy-v0", "climbs")]
    assert row.final_sampled == 81 and np.isnan(row.final_sampled_low)


def test_numbers_are_rounded_for_eyes():
    assert [number(x) for x in (1234.5, 12.345, 0.01234, float("nan"))] == ["1,234", "12.3", "0.0123", ""]
