import numpy as np
import pytest
from scipy import stats

from analysis.interim import ANALYSES, nominal_level, overall_error
from experiments import until_decided


def test_the_analyses_are_those_that_are_made():
    assert ANALYSES == until_decided.ANALYSES


def test_pococks_level():
    assert nominal_level(0.05) == pytest.approx(0.0182, abs=5e-5)  # Pocock 1977, table 1


def test_the_overall_error_is_that_of_the_multivariate_normal():
    n = np.array(ANALYSES, dtype=float)
    correlation = np.sqrt(np.minimum.outer(n, n) / np.maximum.outer(n, n))
    for p in (0.3, 0.05, 0.01):
        z = np.full(len(n), stats.norm.isf(p / 2))
        inside = stats.multivariate_normal.cdf(z, cov=correlation, lower_limit=-z, rng=np.random.default_rng(0))
        assert float(overall_error(np.array(p))) == pytest.approx(1 - inside, rel=2e-3)


def test_it_lies_between_one_analysis_and_four_independent_ones():
    p = np.logspace(-9, -0.01, 50)
    errors = overall_error(p)
    assert (errors > p).all() and (errors < 4 * p).all() and (np.diff(errors / p) < 1e-9).all()
    assert overall_error(np.array(1.0)) == 1.0
