import math

import numpy as np
import pytest

from analysis.across import (
    LEAST,
    STATISTICS,
    aggregate,
    improvements,
    performance_profile,
    pooled_iqm,
    probability_of_improvement,
    profiles,
    scored,
    scores_of,
    stratified_interval,
)
from analysis.inference import iqm
from analysis.measures import measure_runs


def array(*values):
    return np.array(values, dtype=float)


def test_every_statistic_by_hand():
    samples = [array(0, 1, 2, 3), array(0.5, 0.5, 0.5, 0.5), array(1, 1, 1, 5)]
    found = {name: float(statistic(*samples)) for name, statistic in STATISTICS.items()}
    pooled = array(0.5, 0.5, 1, 1, 1, 1)  # 3 of 12 trimmed from each end
    assert found == {
        "IQM": pytest.approx(pooled.mean()),
        "mean": pytest.approx((1.5 + 0.5 + 2) / 3),
        "median": 1.5,
        "optimality gap": pytest.approx((1 + 4 * 0.5) / 12),
    }


def test_the_pooled_interval_resamples_within_environments():
    samples = [array(0, 0.1, 0.2), array(10, 10.1, 10.2)]
    interval = stratified_interval(pooled_iqm, samples)
    assert interval.low < interval.estimate == iqm(np.concatenate(samples)) < interval.high
    assert interval.high - interval.low < 1, "the distance between environments is no noise"
    assert math.isnan(stratified_interval(pooled_iqm, [array(1), array(2)]).low)
    assert math.isnan(stratified_interval(pooled_iqm, [array(1, np.nan)]).estimate)


@pytest.mark.parametrize("name", STATISTICS)
def test_the_stratified_interval_covers(name):
    """Three environments of ten runs; the widening brings the bootstrap to its level, not far beyond."""
    rng, statistic, inside, trials = np.random.default_rng(5), STATISTICS[name], 0, 250
    centres = array(0.2, 0.5, 0.9)
    truth = float(statistic(*(c + 0.2 * rng.normal(size=200_000) for c in centres)))
    for _ in range(trials):
        interval = stratified_interval(statistic, [c + 0.2 * rng.normal(size=10) for c in centres], draws=300)
        inside += interval.low <= truth <= interval.high
    assert 0.90 <= inside / trials <= 0.99, inside / trials


def test_the_probability_of_improvement_by_hand():
    a, b = array(1, 2, 3), array(0, 2, 5)
    # nine pairs: 1 > 0, 2 > 0, 3 > 0, 3 > 2 and one tie
    assert probability_of_improvement([a], [b], draws=50).estimate == pytest.approx(4.5 / 9)
    assert probability_of_improvement([a, a], [b, a - 9], draws=50).estimate == pytest.approx((0.5 + 1) / 2)


def test_runs_that_all_stand_at_a_ceiling_have_no_interval():
    """It was [1, 1], as if no run could ever fall short."""
    ceiling = [np.ones(5), np.ones(5)]
    for statistic in STATISTICS.values():
        found = stratified_interval(statistic, ceiling, draws=100)
        assert np.isfinite(found.estimate) and np.isnan(found.low) and np.isnan(found.high)
    for below in (ceiling, [np.zeros(5), np.zeros(5)]):
        found = probability_of_improvement(ceiling, below, draws=100)
        assert found.estimate in (0.5, 1.0) and np.isnan(found.low) and np.isnan(found.high)


def test_a_probability_stays_between_zero_and_one():
    """Widened bounds went beyond."""
    a, b = array(0, 3, 4, 5, 6), array(1, 2, 1.5, 1.2, 0.5)
    found = probability_of_improvement([a], [b], draws=200)
    assert 0 < found.low < found.estimate < found.high == 1.0


def test_a_profile_tells_how_many_runs_exceed_each_score():
    profile = performance_profile([array(0, 1), array(1, 2)], array(-1, 0, 1, 2), draws=200)
    assert profile.share.tolist() == [1, 0.75, 0.25, 0]
    assert (profile.low <= profile.share).all() and (profile.high >= profile.share).all()
    assert profile.low.min() >= 0 and profile.high.max() <= 1


def test_frames_hold_every_complete_rule(results):
    measures = measure_runs(results)
    assert list(scores_of(measures, "nauc")) == ["climbs", "stays"]
    assert len(aggregate(measures)) == 2 * len(STATISTICS)
    found = improvements(measures).set_index(["first", "second"])
    assert found.loc[("climbs", "stays")].probability == 1 and found.loc[("stays", "climbs")].probability == 0
    curves = profiles(measures, points=11)
    assert curves.groupby("label").size().tolist() == [11, 11]
    assert (curves.groupby("label").share.diff().dropna() <= 0).all(), "profiles only fall"


def test_one_ruined_run_does_not_coarsen_the_profiles(results):
    measures = measure_runs(results)
    measures.loc[measures.index[0], "final_sampled_z"] = -100.0
    curves = profiles(measures, points=11)
    assert curves.tau.min() == LEAST and curves.tau.max() == measures.final_sampled_z.max()
    assert curves[curves.label == "climbs"].share.iloc[0] == 0.9


def test_an_environment_without_a_score_leaves_the_others_their_aggregates(results):
    both = measure_runs(results)
    measures = both.assign(**{name: both[name].where(both.env != "Hard-v0") for name in ("final_sampled_z", "nauc")})
    assert scored(measures, "nauc") == ["Easy-v0"]
    easy = both[both.env == "Easy-v0"]
    assert aggregate(measures).equals(aggregate(easy)) and len(aggregate(measures)) == 2 * len(STATISTICS)
    assert improvements(measures).equals(improvements(easy)) and len(improvements(easy)) == 2
    assert profiles(measures).equals(profiles(easy)) and len(profiles(easy))
    nowhere = both.assign(final_sampled_z=np.nan)
    assert aggregate(nowhere).empty and improvements(nowhere).empty and profiles(nowhere).empty


def test_a_rule_with_a_missing_run_has_no_aggregate(results):
    measures = measure_runs(results)
    measures.loc[measures.index[0], "final_sampled_z"] = np.nan
    assert list(aggregate(measures).label.unique()) == ["stays"]
    assert improvements(measures).empty
    assert profiles(measures[measures.label == "nobody"]).empty
