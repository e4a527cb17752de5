import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.measures.efficiency import normalized, normalized_auc, time_to_threshold

INF = float("inf")


def array(*values):
    return np.array(values, dtype=float)


def test_a_score_is_zero_at_random_and_one_at_the_reference():
    assert normalized(array(-10, 0, 10, 30), (-10, 10)).tolist() == [0, 0.5, 1, 2]
    assert np.isnan(normalized(array(1, 2), None)).all()


def test_the_area_is_the_mean_height():
    assert normalized_auc(array(0, 10), array(0, 1)) == 0.5
    assert normalized_auc(array(0, 1, 4), array(2, 2, 2)) == 2.0
    assert normalized_auc(array(0, 1, 4), array(0, 1, 1)) == pytest.approx((0.5 + 3) / 4)
    assert math.isnan(normalized_auc(array(0), array(1)))


def test_a_threshold_is_reached_when_the_window_holds_it_on_average():
    times, scores = array(0, 1, 2, 3, 4), array(0, 1, 0, 1, 1)
    assert time_to_threshold(times, scores, 0.5, window=1) == 1
    assert time_to_threshold(times, scores, 0.5, window=2) == 0
    assert time_to_threshold(times, scores, 0.9, window=2) == 3
    assert time_to_threshold(times, scores, 1.1, window=2) == INF
    assert time_to_threshold(times, array(0, 0, 0, 0, 1), 0.3, window=2) == 3
    assert time_to_threshold(times, array(0, 0, 0, 0, 1), 1.0, window=2) == INF, "one good evaluation is not two"
    assert math.isnan(time_to_threshold(times, array(0, 0, 0, 0, 1), 0.0, window=6)), "the grid has no window"


curves = st.lists(st.integers(-100, 100), min_size=2, max_size=30).map(np.array)


@given(curves, st.integers(2, 5))
def test_a_finer_grid_on_straight_lines_keeps_the_area(scores, cadence):
    steps = np.arange(len(scores), dtype=float)
    finer = np.linspace(0, steps[-1], cadence * (len(scores) - 1) + 1)
    assert normalized_auc(finer, np.interp(finer, steps, scores)) == pytest.approx(normalized_auc(steps, scores))


@given(curves, st.integers(-50, 50), st.integers(1, 7))
def test_the_area_and_the_threshold_move_with_the_scores(scores, shift, scale):
    steps = np.arange(len(scores), dtype=float)
    area = normalized_auc(steps, scores)
    assert normalized_auc(steps, scale * scores + shift) == pytest.approx(scale * area + shift)
    assert normalized_auc(1000 * steps, scores) == pytest.approx(area), "the unit of the budget does not matter"
    reached = time_to_threshold(steps, scores, 3, window=2)
    assert time_to_threshold(steps, scores + 64, 67, window=2) == reached
    assert reached <= time_to_threshold(steps, scores, 4, window=2), "a higher threshold is not reached earlier"
