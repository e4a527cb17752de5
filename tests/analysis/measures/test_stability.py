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
    long_term_risk,
    max_drawdown,
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


def test_risks_are_means_of_the_worst_twentieth_and_of_one_at_least():
    assert worst_mean(array(3, 1, 2)) == 3
    assert worst_mean(np.arange(40.0)) == 38.5
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
        found = np.array([excess(measure, z, errors) for z in curves])
        assert abs(found.mean()) < 0.02 * measure(curves).mean() + 3 * found.std() / math.sqrt(300), name
    corrected = [corrected_dispersion(z, errors) for z in curves]
    assert np.median(corrected) < dispersion(curves).mean() / 3


def test_a_collapse_is_half_of_the_peak_lost_for_five_evaluations():
    up, down = [0, 1, 2, 4], [2, 2, 2, 2, 2]
    assert collapse(array(*up, *down)) == "terminal"
    assert collapse(array(*up, *down[:4])) == "none"
    assert collapse(array(*up, *down, 4)) == "recovered"
    assert collapse(array(*up, *down, 4, *down)) == "terminal"
    assert collapse(array(*up, 2.1, 2.1, 2.1, 2.1, 2.1)) == "none"
    assert collapse(array(-1, -5, -5, -5, -5, -5)) == "none", "below random there is nothing to lose"
    assert collapse(array(*up, *down), np.full(9, 2.0)) == "none", "within the noise of both evaluations"


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
    assert excess(max_drawdown, scale * z + shift, scale * errors) == pytest.approx(
        scale * excess(max_drawdown, z, errors)
    )
    assert collapse(scale * z) == collapse(z)


@given(curves)
def test_seen_less_often_a_run_looks_no_worse(z):
    assert max_drawdown(z[::2]) <= max_drawdown(z)
