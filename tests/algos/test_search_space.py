"""Ranges of hyper-parameters."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algos.search_space import Choice, Integer, LogUniform, MaxKL, Uniform, search_space

RANGES = [
    Uniform(-1.0, 3.0, "here"),
    LogUniform(2e-3, 0.2, "here"),
    Integer(1, 16, "here"),
    Integer(3, 3, "here"),
    Choice((32, 64, 128), "here"),
    Choice(("none", "ordinary"), "here"),
]
units = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("values", RANGES, ids=str)
@given(u=units)
def test_every_value_that_is_tried_lies_within(values, u):
    assert values.at(u) in values and 0 <= values.position(values.at(u)) <= 1


@pytest.mark.parametrize("values", RANGES, ids=str)
@given(u=units)
def test_a_value_has_one_position(values, u):
    value = values.at(u)
    again = values.at(min(values.position(value) + 1e-9, 1 - 1e-9))
    # next to 0 three digits are finer than what was added to the position
    assert again == value or again == pytest.approx(value, abs=1e-8)


@given(u=units)
def test_of_a_logarithmic_range_every_factor_is_alike(u):
    assert LogUniform(0.01, 1.0, "here").at(u) == pytest.approx(0.01 * 100**u, rel=5e-3)


def test_whole_numbers_are_all_tried_and_small_ones_more():
    drawn = [Integer(1, 16, "here").at((i + 0.5) / 10_000) for i in range(10_000)]
    assert set(drawn) == set(range(1, 17)) and drawn.count(1) > 2 * drawn.count(4) > 4 * drawn.count(16)


def test_numbers_are_short_enough_for_a_label():
    assert LogUniform(2e-3, 0.2, "here").at(0.123456) == float("0.00353")


@pytest.mark.parametrize("wrong", [0.3, "0.02", None])
def test_what_lies_outside_is_not_contained(wrong):
    assert wrong not in LogUniform(2e-3, 0.2, "here")


def test_a_space_is_what_a_signature_annotates():
    def rule(policy, *, max_kl: MaxKL = 0.02, trials: int = 3, depth: Annotated[int, "deep"] = 2):
        """Nothing."""

    assert list(search_space(rule)) == ["max_kl"]
