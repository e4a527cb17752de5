import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.hypotheses import (
    detectable,
    equivalent,
    holm,
    permutation_p,
    seeds_needed,
    yuen_difference,
    yuen_p,
)


def array(*values):
    return np.array(values, dtype=float)


def test_the_permutation_test_is_exact_by_hand():
    assert permutation_p(array(4, 5, 6), array(1, 2, 3)) == pytest.approx(2 / 20)
    assert permutation_p(np.ones(5), np.ones(5)) == 1.0


def test_yuens_test_and_interval_are_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=9), rng.normal(size=12) + 1
    test = stats.ttest_ind(a, b, equal_var=False, trim=0.25)
    assert yuen_p(a, b) == pytest.approx(test.pvalue)
    found, expected = yuen_difference(a, b), test.confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.estimate == pytest.approx(stats.trim_mean(a, 0.25) - stats.trim_mean(b, 0.25))


def test_where_yuen_has_no_spread_the_permutation_test_decides():
    same = array(1, 5, 5, 5, 5, 5, 9, 5)  # trimmed and winsorised: no spread
    assert yuen_p(same, same + 1) == permutation_p(same, same + 1)
    interval = yuen_difference(same, same + 1)
    assert interval.low == interval.high == interval.estimate == -1


def test_holm_by_hand():
    assert holm(array(0.01, 0.04, 0.03)).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm(array()).tolist() == []


def test_equivalence_needs_a_declared_effect_and_close_samples():
    close = (np.linspace(0, 0.01, 10), np.linspace(0, 0.01, 10))
    assert equivalent(*close, 0.1) and not equivalent(*close, None)
    assert not equivalent(close[0], close[1] + 0.1, 0.1)
    assert not equivalent(close[0][:3], close[1][:3], 0.1), "three runs show nothing"
    assert equivalent(np.ones(5), np.ones(5), 0.1) and not equivalent(np.ones(5), np.zeros(5), 0.1)


def power(n, effect, trials=1500):
    rng = np.random.default_rng(4)
    return np.mean([yuen_p(rng.normal(size=n) + effect, rng.normal(size=n)) <= 0.05 for _ in range(trials)])


def test_what_is_called_detectable_is_found_in_four_of_five_cases():
    normal = stats.norm.ppf((np.arange(20) + 0.5) / 20)  # twenty runs of unit spread, near enough
    assert power(20, detectable(normal, normal)) == pytest.approx(0.8, abs=0.06)


def test_the_seeds_that_are_needed_suffice():
    normal = stats.norm.ppf((np.arange(20) + 0.5) / 20)
    n = int(seeds_needed(normal, normal, 0.8))
    assert power(n, 0.8) == pytest.approx(0.8, abs=0.06)
    assert seeds_needed(normal, normal, 0.0) == math.inf
    assert seeds_needed(normal, normal, 0.4) > 3 * n


samples = st.lists(st.integers(-99, 99), min_size=4, max_size=7, unique=True).map(lambda z: np.array(z, dtype=float))


@given(samples, samples, st.integers(-50, 50), st.integers(1, 8), st.randoms())
def test_tests_know_neither_the_order_of_runs_nor_the_unit(a, b, shift, scale, random):
    shuffled = np.array(random.sample(list(a), len(a)))
    for test in (permutation_p, yuen_p):
        p = test(a, b)
        assert 0 < p <= 1
        assert test(shuffled, b) == pytest.approx(p, rel=1e-6)
        assert test(scale * a + shift, scale * b + shift) == pytest.approx(p, rel=1e-6)
        assert test(b, a) == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(4, 4), (5, 5), (3, 7), (6, 4)])
def test_permutations_agree_with_scipy(n, m):
    rng = np.random.default_rng(n)
    for _ in range(5):
        a, b = rng.exponential(size=n), np.round(rng.normal(1, 1, size=m), 1)
        expected = stats.permutation_test((a, b), lambda x, y: x.mean() - y.mean(), vectorized=False).pvalue
        assert permutation_p(a, b) == pytest.approx(expected, rel=1e-12)


def test_many_permutations_are_drawn_and_never_give_zero():
    a, b = np.random.default_rng(0).normal(size=(2, 10))
    expected = stats.permutation_test((a, b), lambda x, y, axis: x.mean(axis) - y.mean(axis), n_resamples=10**6).pvalue
    assert permutation_p(a, b) == pytest.approx(expected, rel=1e-12)
    assert permutation_p(a, b, draws=9_999) == pytest.approx(expected, abs=0.02)
    assert permutation_p(a, b + 100, draws=9_999) == 2 / 10_000


def test_ten_runs_a_side_can_decide_within_a_family_of_hundreds():
    a = np.arange(10.0)
    assert permutation_p(a, a + 100) == 2 / math.comb(20, 10) < 0.05 / 675
