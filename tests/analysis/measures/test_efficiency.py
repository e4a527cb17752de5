import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.measures.efficiency import normalized, normalized_auc, restricted_time, time_to_threshold

INF, NAN = float("inf"), float("nan")


def array(*values):
    return np.array(values, dtype=float)


def test_a_score_is_zero_at_random_and_one_at_the_reference():
    assert normalized(array(-10, 0, 10, 30), (-10, 10)).tolist() == [0, 0.5, 1, 2]
    assert normalized(array(5, 5), (array(0, 5), array(10, 15))).tolist() == [0.5, 0], "a pair of each return's own"
    assert np.isnan(normalized(array(1, 2), None)).all()


def test_the_area_is_the_mean_height():
    assert normalized_auc(array(0, 10), array(0, 1)) == 0.5
    assert normalized_auc(array(0, 1, 4), array(2, 2, 2)) == 2.0
    assert normalized_auc(array(0, 1, 4), array(0, 1, 1)) == pytest.approx((0.5 + 3) / 4)
    assert math.isnan(normalized_auc(array(0), array(1)))


@pytest.mark.parametrize(
    ("scores", "threshold", "expected"),
    [
        ([0, 1, 0, 1, 1], 0.5, 1),
        ([0, 1, 0, 1, 1], 0.9, 3),
        ([0, 1, 0, 1, 1], 1.1, INF),
        ([0, 0, 0, 0.4, 1], 0.3, 3),
        ([0, 0.4, 1, 1, 1], 0.5, 2),  # from 1 on the window holds it, but the score there does not have it yet
        ([0.6, 0, 0.6, 0.5, 0], 0.5, 2),  # at 0 the score has it, but does not hold it
        ([0, 0, 0, 0, 1], 1.0, INF),  # one good evaluation is not two
    ],
)
def test_a_threshold_is_reached_by_a_score_that_has_it_and_holds_it_on_average(scores, threshold, expected):
    assert time_to_threshold(array(0, 1, 2, 3, 4), array(*scores), threshold, window=2) == expected


def test_a_threshold_is_held_for_five_evaluations():
    times = np.arange(0.0, 900, 100)
    late = array(0, 0, 0.2, 0.6, 0.4, 0.5, 0.5, 0.5, 0.5)
    assert time_to_threshold(times, late, 0.5) == 300, "0.6, 0.4, 0.5, 0.5, 0.5 are 0.5 on average"
    assert time_to_threshold(times, late, 0.25) == 300, "the window from 200 holds it, the score at 200 does not"
    assert time_to_threshold(times, late - 0.01, 0.5) == INF
    assert math.isnan(time_to_threshold(times[:4], late[:4], 0.25)), "the grid has no window"


def test_no_time_lies_before_the_score_is_there():
    """A rise just after the start used to be dated to step 0."""
    jump = array(0, 1, 1, 1, 1, 1)
    assert [time_to_threshold(np.arange(6.0), jump, at) for at in (0.25, 0.5, 0.75, 0.9)] == [1, 1, 1, 1]


def test_whoever_never_got_there_has_the_whole_budget():
    measures = pd.DataFrame(
        {"budget": [400, 400, 200], "budget_s": [4.0, 14.0, NAN], "steps_to_0.5": [150.0, INF, NAN]}
        | {"seconds_to_0.5": [1.5, INF, INF]}
    )
    np.testing.assert_array_equal(restricted_time(measures, 0.5), [150, 400, NAN])
    np.testing.assert_array_equal(restricted_time(measures, 0.5, "seconds"), [1.5, 14, NAN])


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
