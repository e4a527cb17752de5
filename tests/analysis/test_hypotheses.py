import math

import numpy as np
import pytest
from scipy import stats

from analysis.hypotheses import difference, equivalent, holm
from analysis.inference import trimmed_t_interval
from analysis.permutation import Contrast


def array(*values):
    return np.array(values, dtype=float)


def two(a, b, paired=False, trim=0.25):
    return [Contrast(np.asarray(a, float), np.asarray(b, float), paired, trim)]


@pytest.mark.parametrize("trim", [0.0, 0.25])
def test_the_difference_of_unpaired_runs_has_yuens_interval_as_scipy_has_it(trim):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=9), rng.normal(size=12) + 1
    expected = stats.ttest_ind(a, b, equal_var=False, trim=trim).confidence_interval()
    found = difference(two(a, b, trim=trim))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.estimate == pytest.approx(stats.trim_mean(a, trim) - stats.trim_mean(b, trim))


def test_pairs_have_the_interval_of_their_differences():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 9))
    assert difference(two(a, b, paired=True)) == trimmed_t_interval(a - b)
    expected = stats.ttest_rel(a, b).confidence_interval()
    found = difference(two(a, b, paired=True, trim=0.0))
    assert (found.estimate, found.low, found.high) == pytest.approx(((a - b).mean(), expected.low, expected.high))


@pytest.mark.parametrize("trim", [0.0, 0.25])
def test_pairs_that_are_equal_but_for_rounding_have_no_difference(trim):
    a, b = np.full(6, 0.1 + 0.2), np.full(6, 0.3)
    a[3] = b[3]
    found = difference(two(a, b, paired=True, trim=trim))
    assert a.max() > 0.3 and found.estimate == 0 and math.isnan(found.low)
    assert not equivalent(two(a, b, paired=True, trim=trim), 0.1)


def test_pairs_have_a_narrower_interval_where_seeds_agree():
    rng = np.random.default_rng(2)
    seeds = rng.normal(size=10)
    a, b = seeds + 0.1 * rng.normal(size=10), seeds + 0.1 * rng.normal(size=10)
    paired, apart = difference(two(a, b, paired=True)), difference(two(a, b))
    assert apart.high - apart.low > 3 * (paired.high - paired.low)


def test_over_environments_the_difference_is_the_mean_of_theirs_and_its_interval_covers():
    rng, inside, trials = np.random.default_rng(3), 0, 800
    for _ in range(trials):
        strata = [
            Contrast(rng.normal(shift, scale, 7), rng.normal(size=7), paired, 0.25)
            for shift, scale, paired in ((0.5, 1, True), (1.0, 3, True), (0.0, 1, False))
        ]
        found = difference(strata)
        inside += found.low <= 0.5 <= found.high
    each = [difference([contrast]).estimate for contrast in strata]
    assert found.estimate == pytest.approx(np.mean(each))
    assert 0.93 <= inside / trials <= 0.98, inside / trials


def test_holm_by_hand():
    assert holm(array(0.01, 0.04, 0.03)).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm(array()).tolist() == []


def test_equivalence_needs_a_declared_effect_and_close_samples():
    rng = np.random.default_rng(0)
    a, b = 0.01 * rng.normal(size=(2, 10))
    for paired in (True, False):
        assert equivalent(two(a, b, paired), 0.1) and not equivalent(two(a, b, paired), None)
        assert not equivalent(two(a, b + 0.1, paired), 0.1)
        assert not equivalent(two(a[:3], b[:3], paired), 0.1), "three runs show nothing"
        assert not equivalent(two(a, b, paired), math.nan)


def test_equivalence_errs_in_five_percent_at_the_edge():
    rng, trials = np.random.default_rng(4), 1500
    wrong = sum(equivalent(two(rng.normal(1.0, 0.4, size=8), np.zeros(8), True), 1.0) for _ in range(trials))
    assert stats.binomtest(wrong, trials).proportion_ci(0.99).low <= 0.05 and wrong > 20


def test_two_rules_at_the_ceiling_are_equivalent_only_where_enough_runs_say_so():
    """All of six pairs agree in 18 % of cases even if a quarter of all pairs does not."""
    assert not equivalent(two(np.ones(6), np.ones(6), True), 0.1)
    assert equivalent(two(np.ones(10), np.ones(10), True), 0.1)
    assert not equivalent(two(np.ones(10), np.ones(10), True), 0.1, error=0.005)
    assert not equivalent(two(np.ones(10), np.zeros(10), True), 0.1)
