import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.permutation import DRAWS, MOST, Contrast, permutation_p, smallest_p


def array(*values):
    return np.array(values, dtype=float)


def p_of(a, b, paired=True, trim=0.0):
    return permutation_p([Contrast(np.asarray(a, float), np.asarray(b, float), paired, trim)])


def test_signs_flip_by_hand():
    # differences 1, 2, 3: of eight sign patterns only one reaches the sum 6, and one -6
    assert p_of([1, 2, 3], [0, 0, 0]) == pytest.approx(2 / 8)
    # 3, 2, -1: sums of 4 or more are 6 and 4
    assert p_of([3, 2, -1], [0, 0, 0]) == pytest.approx(2 * 2 / 8)
    assert p_of(np.ones(8), np.ones(8)) == 1.0


def test_the_permutation_test_is_exact_by_hand():
    assert p_of([4, 5, 6], [1, 2, 3], paired=False) == pytest.approx(2 / 20)
    assert p_of(np.ones(5), np.ones(5), paired=False) == 1.0


@pytest.mark.parametrize(("n", "m"), [(4, 4), (5, 5), (3, 7), (6, 4)])
def test_permutations_agree_with_scipy(n, m):
    rng = np.random.default_rng(n)
    for _ in range(5):
        a, b = rng.exponential(size=n), np.round(rng.normal(1, 1, size=m), 1)
        expected = stats.permutation_test((a, b), lambda x, y: x.mean() - y.mean(), vectorized=False).pvalue
        assert p_of(a, b, paired=False) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [6, 9, 12])
def test_sign_flips_agree_with_scipy(n):
    rng = np.random.default_rng(n)
    for shift in (0, 0.5, 2):
        a, b = rng.normal(shift, size=n), np.round(rng.normal(size=n), 1)
        expected = stats.permutation_test((a - b,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
        assert p_of(a, b) == pytest.approx(expected, rel=1e-12)


def test_trimmed_permutations_agree_with_scipy():
    rng = np.random.default_rng(1)
    a, b = rng.standard_t(3, size=6) + 2, rng.standard_t(3, size=6)

    def statistic(x, y):
        return stats.trim_mean(x, 0.25) - stats.trim_mean(y, 0.25) + 1e-6 * (x.mean() - y.mean())

    expected = stats.permutation_test((a, b), statistic, vectorized=False).pvalue
    assert p_of(a, b, paired=False, trim=0.25) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("trim", [0.0, 0.25])
def test_six_pairs_reach_five_percent_and_five_do_not(trim):
    assert p_of(np.arange(6) + 9, np.zeros(6), trim=trim) == 2 / 64
    assert p_of(np.arange(5) + 9, np.zeros(5), trim=trim) == 2 / 32 > 0.05


@pytest.mark.parametrize("trim", [0.0, 0.25])
def test_no_p_is_below_the_smallest(trim):
    for n in (4, 6, 10):
        for paired in (True, False):
            apart = Contrast(np.arange(n) + 100.0, np.arange(n) ** 2 / 100, paired, trim)
            assert permutation_p([apart]) == pytest.approx(smallest_p([apart]))
    many = Contrast(np.arange(20.0) + 100, np.zeros(20), True, trim)
    assert many.assignments > MOST and permutation_p([many]) == smallest_p([many]) == pytest.approx(2 / (DRAWS + 1))


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("draw", [lambda g, n: g.normal(size=n), lambda g, n: np.minimum(g.normal(size=n), -0.5)])
def test_equal_rules_are_told_apart_in_five_percent_at_most(paired, draw):
    """Also where most runs stand at a ceiling, where Yuen's test gave p-values of 1e-17."""
    g, trials = np.random.default_rng(0), 600
    wrong = sum(p_of(draw(g, 7), draw(g, 7), paired, 0.25) <= 0.05 for _ in range(trials))
    assert stats.binomtest(wrong, trials).proportion_ci(0.99).low <= 0.05, wrong / trials


def test_pairs_find_what_seeds_hide():
    """The differences of the seeds are ten times the difference of the rules."""
    g = np.random.default_rng(3)
    seeds = 10 * g.normal(size=8)
    a, b = seeds + 1 + 0.1 * g.normal(size=8), seeds
    assert p_of(a, b) == 2 / 2**8 and p_of(a, b, paired=False) > 0.5


def test_environments_together_show_what_none_shows_alone():
    strata = [Contrast(array(*each), np.zeros(5), True, 0.0) for each in ((2, 3, 1, 4, 2), (3, 5, 4, 1, 6))]
    assert permutation_p(strata) == 2 / 2**10 == smallest_p(strata)
    assert {permutation_p([each]) for each in strata} == {2 / 2**5}, "five pairs alone do not reach five percent"
    swapped = [Contrast(each.second, each.first, True, 0.0) for each in strata]
    assert permutation_p(swapped) == permutation_p(strata)
    assert permutation_p([strata[0], swapped[0]]) == 1.0, "two environments that contradict each other"


@pytest.mark.parametrize("paired", [True, False])
def test_over_environments_every_assignment_is_looked_at_where_they_can_be_counted(paired):
    """Drawn ones gave p-values below the smallest that there is."""
    rng = np.random.default_rng(8)
    strata = [Contrast(*rng.integers(0, 4, size=(2, 3)).astype(float), paired, 0.0) for _ in range(3)]
    observed = sum(each.first.mean() - each.second.mean() for each in strata)

    def shuffles(each):
        if paired:
            signs = itertools.product([1, -1], repeat=3)
            return [float((np.array(sign) * (each.first - each.second)).mean()) for sign in signs]
        both = np.concatenate([each.first, each.second])
        chosen = [list(index) for index in itertools.combinations(range(6), 3)]
        return [float(both[index].mean() - np.delete(both, index).mean()) for index in chosen]

    sums = np.array([sum(parts) for parts in itertools.product(*map(shuffles, strata))])
    expected = 2 * min((sums >= observed - 1e-12).mean(), (sums <= observed + 1e-12).mean())
    assert permutation_p(strata) == pytest.approx(min(1, expected))
    assert smallest_p(strata) == pytest.approx(2 / len(sums))


def test_equal_rules_on_several_environments_are_told_apart_in_five_percent_at_most():
    g, trials = np.random.default_rng(5), 400
    wrong = 0
    for _ in range(trials):
        strata = [Contrast(scale * g.normal(size=4), scale * g.normal(size=4), True, 0.0) for scale in (1, 3)]
        wrong += permutation_p(strata) <= 0.05
    assert stats.binomtest(wrong, trials).proportion_ci(0.99).low <= 0.05 and wrong > 0, wrong / trials


def test_many_permutations_are_drawn_and_never_give_zero():
    a, b = np.random.default_rng(0).normal(size=(2, 20))
    expected = stats.ttest_rel(a, b).pvalue
    assert p_of(a, b) == pytest.approx(expected, abs=0.02)
    assert p_of(a, b + 100) == pytest.approx(2 / (DRAWS + 1))


def test_ten_runs_a_side_can_decide_within_a_family_of_hundreds():
    a = np.arange(10.0)
    assert p_of(a, a + 100, paired=False) == 2 / math.comb(20, 10) < 0.05 / 675


samples = st.lists(st.integers(-99, 99), min_size=6, max_size=6, unique=True).map(lambda z: np.array(z, dtype=float))


@given(samples, samples, st.integers(-50, 50), st.integers(1, 8), st.permutations(range(6)))
def test_tests_know_neither_the_order_of_runs_nor_the_unit(a, b, shift, scale, order):
    for paired in (True, False):
        for trim in (0.0, 0.25):
            p = p_of(a, b, paired, trim)
            assert 0 < p <= 1
            assert p_of(a[order], b[order], paired, trim) == pytest.approx(p, rel=1e-6)
            assert p_of(scale * a + shift, scale * b + shift, paired, trim) == pytest.approx(p, rel=1e-6)
            assert p_of(b, a, paired, trim) == pytest.approx(p, rel=1e-6)
