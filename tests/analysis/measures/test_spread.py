import math

import numpy as np
import pytest

from analysis.measures.spread import NAMES, shortest_interval, spread, tolerance_interval

NAN = float("nan")


def array(*values):
    return np.array(values, dtype=float)


def test_a_spread_by_hand():
    found = spread(array(5, 1, 4, 2, 3))
    assert found["iqr"] == 2 and found["mad"] == 1 and found["min"] == 1 and found["lower_quartile_mean"] == 1.5
    assert (found["shortest_low"], found["shortest_high"]) == (1, 5)
    assert math.isnan(found["tolerance_low"]) and math.isnan(found["tolerance_high"])
    for nothing in (array(), array(1, NAN)):
        assert tuple(spread(nothing)) == NAMES and np.isnan(list(spread(nothing).values())).all()


def test_the_shortest_interval_leaves_out_the_tenth_that_widens_it_most():
    assert shortest_interval(array(9, 1, 2, 3, 4, 5, 6, 7, 8, 100)) == (1, 9)
    assert shortest_interval(array(-100, *range(9))) == (0, 8)
    assert shortest_interval(array(1, 2, 50)) == (1, 50), "of fewer than ten none can be left out"
    assert shortest_interval(np.arange(20.0)) == (0, 17)
    assert shortest_interval(array(0, 0, 1, 5), content=0.5) == (0, 0)


@pytest.mark.parametrize(("n", "rank"), [(45, None), (46, 1), (75, 1), (76, 2), (200, 6)])
def test_a_tolerance_interval_needs_46_runs(n, rank):
    """1 - n 0.9^(n - 1) + (n - 1) 0.9^n reaches 0.95 at 46; larger ranks by the same sum."""
    low, high = tolerance_interval(np.arange(float(n)))
    if rank is None:
        assert math.isnan(low) and math.isnan(high)
    else:
        confidence = [
            sum(math.comb(n, j) * 0.9**j * 0.1 ** (n - j) for j in range(n - 2 * k + 1)) for k in (rank, rank + 1)
        ]
        assert confidence[0] >= 0.95 > confidence[1], "the rank of this case"
        assert (low, high) == (rank - 1, n - rank)


def test_a_tolerance_interval_holds_nine_tenths_of_the_future_in_95_of_100_cases():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(2_000):
        low, high = tolerance_interval(rng.random(60))  # of a uniform distribution the content is the length
        held.append(high - low >= 0.9)
    assert np.mean(held) > 0.94
