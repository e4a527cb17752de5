import math

import numpy as np
import pytest
from scipy import stats

from analysis.inference import clopper_pearson, iqm, simultaneous_band, trimmed_t_interval


def test_the_interquartile_mean_by_hand():
    assert iqm(np.array([1.0, 2.0, 3.0])) == 2.0  # nothing to trim below four
    assert iqm(np.array([0.0, 1.0, 3.0, 100.0])) == 2.0
    assert math.isnan(iqm(np.array([]))) and math.isnan(iqm(np.array([1.0, np.nan])))


def test_below_four_values_the_interval_is_students():
    values = np.array([1.0, 2.0, 4.0])
    interval = trimmed_t_interval(values)
    low, high = stats.t.interval(0.95, 2, loc=values.mean(), scale=stats.sem(values))
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((values.mean(), low, high))


def test_the_interval_is_yuens():
    values = np.random.default_rng(0).normal(size=10)
    squares = stats.mstats.winsorize(values, (0.2, 0.2)).var(ddof=1) * 9  # two of ten from each end
    half = stats.t.ppf(0.975, 5) * np.sqrt(squares / (6 * 5))
    interval, centre = trimmed_t_interval(values), stats.trim_mean(values, 0.25)
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((centre, centre - half, centre + half))


def test_one_run_has_no_interval():
    interval = trimmed_t_interval(np.array([3.0]))
    assert interval.estimate == 3.0 and math.isnan(interval.low) and math.isnan(interval.high)


def test_a_rate_of_no_failures_in_five_is_compatible_with_half():
    assert clopper_pearson(0, 5).high == pytest.approx(0.522, abs=1e-3)
    assert clopper_pearson(5, 5).low == pytest.approx(0.478, abs=1e-3)


SHAPES = {
    "normal": lambda g, n: g.normal(size=n),
    "lognormal": lambda g, n: g.lognormal(sigma=0.6, size=n),
    "heavy tails": lambda g, n: g.standard_t(3, size=n),
    "uniform": lambda g, n: g.uniform(size=n),
}


def coverage(draw, n, draws=1500):
    g = np.random.default_rng(1)
    truth = stats.trim_mean(draw(g, 400_000), 0.25)
    intervals = [trimmed_t_interval(draw(g, n)) for _ in range(draws)]
    return float(np.mean([i.low <= truth <= i.high for i in intervals]))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [5, 10])
def test_the_interval_covers_the_trimmed_mean(shape, n):
    covered = coverage(SHAPES[shape], n)
    assert 0.90 <= covered <= 0.985, f"{shape}, n = {n}: covers in {covered:.1%}"


def test_where_the_interval_is_weak_is_known():
    """Half of the runs fail and half succeed: five runs do not tell, and the interval covers in 85 % only."""
    assert coverage(lambda g, n: g.normal(size=n) + 4 * (g.random(n) < 0.5), 5) == pytest.approx(0.85, abs=0.03)


def walks(g, n, points):
    return g.normal(size=(n, points)).cumsum(1) * 0.3 + g.normal(size=(n, points))


def offsets(g, n, points):
    return g.normal(size=(n, 1)) + 0.3 * g.normal(size=(n, points))


@pytest.mark.parametrize("draw", [walks, offsets])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_band_covers_whole_curves_where_pointwise_intervals_do_not(draw, n):
    g, draws, points = np.random.default_rng(2), 400, 15
    whole = pointwise = 0
    for _ in range(draws):
        curves = draw(g, n, points)
        band = simultaneous_band(curves)
        whole += bool(np.all((band.low <= 0) & (band.high >= 0)))
        half = stats.t.ppf(0.975, n - 2 * (n // 4) - 1) / band.critical * (band.high - band.centre)
        pointwise += bool(np.all(np.abs(band.centre) <= half))
    assert 0.90 <= whole / draws <= 0.99 and pointwise / draws < 0.87, (whole / draws, pointwise / draws)


def test_the_band_is_wider_than_pointwise_and_counts_only_points_that_vary():
    curves = np.random.default_rng(0).normal(size=(5, 8))
    padded = np.concatenate([curves, np.zeros((5, 3))], axis=1)
    assert simultaneous_band(curves).critical == simultaneous_band(padded).critical > stats.t.ppf(0.975, 2)
    assert simultaneous_band(curves[:, :1]).critical == pytest.approx(stats.t.ppf(0.975, 2))


def test_curves_that_agree_have_no_width_and_one_curve_no_band():
    band = simultaneous_band(np.ones((4, 3)))
    np.testing.assert_array_equal(band.low, band.high)
    assert np.isnan(simultaneous_band(np.ones((1, 3))).low).all()
