import math

import numpy as np
import pytest
from scipy import stats

from analysis.permutation import Contrast, permutation_p
from analysis.power import detectable, seeds_needed, seeds_to_reach


def normal(n):
    """n runs of unit spread, near enough."""
    return stats.norm.ppf((np.arange(n) + 0.5) / n)


def pairs(differences, trim=0.0):
    return [Contrast(differences, np.zeros(len(differences)), True, trim)]


def apart(n, trim=0.0):
    return [Contrast(normal(n), normal(n)[::-1].copy(), False, trim)]


def power(n, effect, level, trim, paired, trials=500):
    rng, found = np.random.default_rng(4), 0
    for _ in range(trials):
        a, b = rng.normal(size=(2, n)) + np.array([[effect], [0]])
        found += permutation_p([Contrast(a, b * (not paired), paired, trim)]) <= level
    return found / trials


def test_of_single_runs_and_of_runs_that_agree_nothing_is_known():
    for one in ([Contrast(normal(1), normal(1), False, 0.25)], pairs(np.full(8, 0.8 - 0.5))):
        assert detectable(one) == seeds_needed(one, 0.1) == math.inf
    rounded = np.array([0.8 - 0.5, 0.7 - 0.4] * 4)
    assert detectable(pairs(rounded)) == math.inf


@pytest.mark.parametrize("trim", [0.0, 0.25])
@pytest.mark.parametrize(("n", "level"), [(6, 0.05), (8, 0.05 / 6), (10, 0.05), (12, 0.05 / 6)])
def test_what_is_called_detectable_is_found_in_about_four_of_five_cases(n, level, trim):
    """A little more with trimming, as the permutation test is then better than its approximation."""
    rng = np.random.default_rng(n)
    told = np.median([detectable(pairs(rng.normal(size=n), trim), level) for _ in range(300)])
    assert 0.68 <= power(n, told, level, trim, paired=True) <= 0.97


@pytest.mark.parametrize(("n", "level"), [(5, 0.05), (7, 0.05 / 6)])
def test_of_unpaired_runs_too(n, level):
    rng = np.random.default_rng(n)
    told = [detectable([Contrast(*rng.normal(size=(2, n)), False, 0.0)], level) for _ in range(300)]
    assert 0.68 <= power(n, np.median(told), level, 0.0, paired=False) <= 0.9


@pytest.mark.parametrize(("n", "level"), [(5, 0.05), (6, 0.05 / 6), (7, 0.05 / 6)])
def test_where_an_exact_test_cannot_reach_the_level_no_effect_is_detectable(n, level):
    assert detectable(pairs(normal(n)), level) == math.inf
    assert detectable(pairs(normal(8)), level) < math.inf


def test_six_pairs_must_all_have_one_sign():
    """The t approximation alone would tell 1.4 standard deviations, which six pairs find in 60 % of cases."""
    one = normal(6) / np.std(normal(6), ddof=1)
    assert detectable(pairs(one)) == pytest.approx(stats.norm.ppf(0.8 ** (1 / 6)))


def test_the_seeds_that_are_needed_suffice():
    n = int(seeds_needed(pairs(normal(20)), 0.8))
    assert 0.74 <= power(n, 0.8, 0.05, 0.0, paired=True) <= 0.9
    m = int(seeds_needed(apart(20), 0.8))
    assert 0.74 <= power(m, 0.8, 0.05, 0.0, paired=False, trials=100) <= 0.95
    assert seeds_needed(pairs(normal(20)), 0.4) > 3 * n


def test_needed_seeds_respect_the_smallest_p():
    """Ten spreads of effect: the t test would do with two or three seeds."""
    assert seeds_needed(pairs(normal(10)), 10.0) == 6 == seeds_to_reach(0.05)
    assert seeds_needed(pairs(normal(10)), 10.0, error=0.05 / 12) == 9 == seeds_to_reach(0.05 / 12)
    assert seeds_needed(apart(10), 10.0) == 4 == seeds_to_reach(0.05, paired=False)


def test_two_rules_at_the_ceiling_get_no_number():
    for paired in (True, False):
        same = [Contrast(np.full(10, 500.0), np.full(10, 500.0), paired, 0.25)]
        assert detectable(same) == seeds_needed(same, 25.0) == math.inf


def test_one_run_below_the_ceiling_counts_with_its_spread():
    at = np.full(10, 500.0)
    fell = at.copy()
    fell[3] = 210.0
    contrast = [Contrast(at, fell, True, 0.25)]
    assert 50 < detectable(contrast) < math.inf and seeds_needed(contrast, 25.0) > 50


def test_an_effect_far_below_the_spread_is_beyond_any_number():
    assert seeds_needed(pairs(normal(10)), 0.01) == math.inf


def test_several_environments_need_fewer_seeds_of_each():
    one = pairs(normal(10))
    assert seeds_needed(one * 4, 0.5) < seeds_needed(one, 0.5) / 2
    assert detectable(one * 4) < 0.7 * detectable(one)
