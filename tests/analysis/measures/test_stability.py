import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.measures import stability
from analysis.measures.stability import (
    collapse,
    corrected_dispersion,
    dispersion,
    drawdown,
    excess,
    lasting_falls,
    long_term_risk,
    max_drawdown,
    monotone,
    null_curves,
    short_term_risk,
    significant_loss_share,
    worst_mean,
)


def array(*values):
    return np.array(values, dtype=float)


def test_drawdowns_are_measured_from_the_highest_so_far():
    assert drawdown(array(1, 5, 2, 6, 4)).tolist() == [0, 0, 3, 0, 2]
    assert max_drawdown(array(1, 5, 2, 6, 4)) == 3
    assert max_drawdown(array(1, 2, 3)) == 0


def test_risks_are_means_of_the_worst_twentieth_interpolated():
    assert worst_mean(array(3, 1, 2)) == 3, "of three points 5 % are less than one"
    assert worst_mean(np.arange(20.0)) == 19
    assert worst_mean(np.arange(40.0)) == 38.5
    assert worst_mean(np.arange(30.0)) == pytest.approx((29 + 0.5 * 28) / 1.5), "one and a half of thirty"
    assert worst_mean(np.arange(21.0)) == pytest.approx((20 + 0.05 * 19) / 1.05), "not two of twenty-one"
    assert worst_mean(array(4, 3, 2, 1), share=0.6) == pytest.approx((4 + 3 + 0.4 * 2) / 2.4)
    assert worst_mean(np.arange(60.0).reshape(2, 30)).tolist() == pytest.approx([28 + 2 / 3, 58 + 2 / 3])


def test_a_cvar_is_the_tail_of_the_quantile_function():
    """The mean of the quantile function of the empirical distribution over its last 5 %, by a fine sum."""
    losses = np.random.default_rng(1).normal(size=33)
    fine = (np.arange(200_000) + 0.5) / 200_000
    quantiles = np.sort(losses)[np.floor(fine * 33).astype(int)]
    assert worst_mean(losses) == pytest.approx(quantiles[fine > 0.95].mean(), abs=1e-4)
    assert short_term_risk(array(0, 2, 1, 4, 0)) == 4
    assert long_term_risk(np.concatenate([array(9), np.arange(39.0) % 8])) == 9
    assert short_term_risk(array(0, 1, 3)) == -1, "a curve that only climbs has a negative risk"


def test_dispersion_is_of_the_differences_in_the_last_two_thirds():
    z = np.cumsum(array(0, 100, -100, 1, 2, 3, 4))
    assert dispersion(z) == pytest.approx(1.5)  # quartiles of 1, 2, 3, 4
    assert corrected_dispersion(z, np.zeros(7)) == pytest.approx(1.5)
    # noise of .5 at each end of a difference adds (.5^2 + .5^2) variance: 1.349^2 * .5 off 1.5^2
    assert corrected_dispersion(z, np.full(7, 0.5)) == pytest.approx(math.sqrt(2.25 - 1.34898**2 * 0.5), abs=1e-5)
    assert corrected_dispersion(z, np.full(7, 10.0)) == 0


def test_pure_noise_of_evaluating_has_no_excess():
    """A flat policy shows a drawdown of 4.8 standard errors at 101 evaluations; all of it is noise."""
    rng = np.random.default_rng(3)
    errors = np.full(101, 2.0)
    curves = rng.normal(size=(300, 101)) * errors
    assert max_drawdown(curves).mean() / 2 == pytest.approx(4.8, abs=0.15)
    for name in ("short_term_risk", "long_term_risk", "max_drawdown"):
        measure = getattr(stability, name)
        found = np.array([excess(measure, z, null_curves(z, errors)) for z in curves])
        assert abs(found.mean()) < 0.06 * measure(curves).mean(), name
    corrected = [corrected_dispersion(z, errors) for z in curves]
    assert np.median(corrected) < dispersion(curves).mean() / 3


def test_the_null_is_the_noise_around_the_best_curve_that_never_falls():
    assert monotone(array(0, 2, 1, 3), np.zeros(4)).tolist() == [0, 1.5, 1.5, 3]
    assert monotone(array(0, 2, 1, 3), array(1, 2, 1, 1)) == pytest.approx([0, 1.2, 1.2, 3]), "by precision"
    exact = monotone(array(0, 2, 1, 3), array(1, 1, 0, 1))
    assert exact == pytest.approx([0, 1, 1, 3], abs=1e-5), "a point without noise stays where it is"
    assert (np.diff(null_curves(array(3, 2, 1), np.zeros(3)), axis=-1) == 0).all()
    assert null_curves(array(0, 1), array(1, 1)).std(axis=0) == pytest.approx(1, abs=0.15)


def test_one_very_noisy_point_leaves_the_precisions_of_the_others_as_they_are():
    z, errors = array(1, 0, 2), array(0.1, 0.01, 1000)
    weights = errors[:2] ** -2
    level = float(weights @ z[:2] / weights.sum())
    assert monotone(z, errors) == pytest.approx([level, level, 2])
    exact = monotone(array(1, 0, 2, 0.5), array(1, 1e-6, 1, 0))
    assert exact == pytest.approx([0, 0, 0.5, 0.5], abs=1e-5), "nor does a point without noise"


def test_a_drop_of_a_rising_curve_is_more_than_noise():
    """From 0 to 1 with and without a drop of 0.3 on the way, of which noise around a flat curve would hide most.

    Around a flat curve the smooth rise would seem steadier than noise allows, by 0.08.
    """
    rng, errors, rise = np.random.default_rng(5), np.full(41, 0.07), np.linspace(0, 1, 41)
    drop = np.where((np.arange(41) >= 20) & (np.arange(41) < 24), 0.3, 0)
    noise = rng.normal(size=(100, 41)) * errors
    flat = max_drawdown(noise).mean()
    hurt, unhurt = (
        np.array([excess(max_drawdown, z, null_curves(z, errors)) for z in curve + noise])
        for curve in (rise - drop, rise)
    )
    assert hurt.mean() > 0.11 > max_drawdown(rise - drop + noise).mean() - flat
    assert (hurt > 0).mean() >= 0.95
    assert abs(unhurt.mean()) < 0.03 < 0.07 < flat - max_drawdown(rise + noise).mean()


def collapse_of(z, errors=0.0):
    errors = np.broadcast_to(errors, z.shape)
    return collapse(z, null_curves(z, errors))


def test_a_policy_that_learns_nothing_does_not_collapse():
    """Its highest evaluation is a peak of noise, from which it falls by more than half for good."""
    rng = np.random.default_rng(2)
    errors = np.full(51, 0.02)
    curves = rng.normal(size=(200, 51)) * errors
    assert np.mean([lasting_falls(z).max() > 0 for z in curves]) > 0.9
    assert np.mean([collapse_of(z, errors) != "none" for z in curves]) <= 0.07


def test_a_real_collapse_is_seen_through_noise():
    rng = np.random.default_rng(2)
    errors = np.full(51, 0.05)
    z = np.concatenate([np.linspace(0, 1, 26), np.full(25, 0.3)])
    assert [collapse_of(z + rng.normal(size=51) * errors, errors) for _ in range(20)].count("terminal") >= 19


def test_a_lasting_fall_is_the_least_of_its_window():
    assert lasting_falls(array(0, 4, 1, 2, 0), window=2).tolist() == [0, 0, 2, 2]
    assert lasting_falls(array(0, 4, 1, 3, 0), window=2).tolist() == [0, 0, 0, 0], "3 is more than half of 4"
    assert lasting_falls(np.array([[4.0, 1, 0], [-1, -5, -5]]), window=2).tolist() == [[0, 3], [0, 0]]
    assert lasting_falls(array(4, 1), window=3).shape == (0,)


def test_a_collapse_is_half_of_the_peak_lost_for_five_evaluations():
    up, down = [0, 1, 2, 4], [2, 2, 2, 2, 2]
    assert collapse_of(array(*up, *down)) == "terminal"
    assert collapse_of(array(*up, *down[:4])) == "none"
    assert collapse_of(array(*up, *down, 4)) == "recovered"
    assert collapse_of(array(*up, *down, 4, *down)) == "terminal"
    assert collapse_of(array(*up, 2.1, 2.1, 2.1, 2.1, 2.1)) == "none"
    assert collapse_of(array(-1, -5, -5, -5, -5, -5)) == "none", "below z = 0 there is nothing to lose"


def test_a_significant_loss_needs_more_than_noise():
    means, errors, episodes = array(10, 4, 4, 3.9, 10), np.full(5, 1.0), np.full(5, 8.0)
    assert significant_loss_share(means, errors, episodes) == 0.25
    assert significant_loss_share(array(2, 1, 1), np.zeros(3), np.full(3, 1.0)) == 0.5, "exact returns: every fall"
    assert math.isnan(significant_loss_share(array(1), array(1), array(4)))


def test_equal_policies_lose_in_five_percent_of_the_steps():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        episodes = rng.normal(size=(60, 8))
        errors = episodes.std(axis=1, ddof=1) / math.sqrt(8)
        shares.append(significant_loss_share(episodes.mean(axis=1), errors, np.full(60, 8.0)))
    assert np.mean(shares) == pytest.approx(0.05, abs=0.006)


curves = st.lists(st.integers(-100, 100), min_size=4, max_size=40).map(lambda z: np.array(z, dtype=float))


@given(curves, st.integers(-50, 50), st.integers(1, 8))
def test_measures_scale_with_the_score_and_do_not_know_its_zero(z, shift, scale):
    errors = np.linspace(0.5, 2, len(z))
    for measure in (dispersion, short_term_risk, long_term_risk, max_drawdown):
        assert measure(scale * z + shift) == pytest.approx(scale * measure(z))
    moved = null_curves(scale * z + shift, scale * errors)
    assert excess(max_drawdown, scale * z + shift, moved) == pytest.approx(
        scale * excess(max_drawdown, z, null_curves(z, errors))
    )
    assert collapse_of(scale * z) == collapse_of(z)


@given(curves)
def test_seen_less_often_a_run_looks_no_worse(z):
    assert max_drawdown(z[::2]) <= max_drawdown(z)
