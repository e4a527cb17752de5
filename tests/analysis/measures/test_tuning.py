import numpy as np
import pytest

from analysis.measures.tuning import _share_below, common_setting, effective_dimensionality, paid_auc, sensitivity


def array(*values):
    return np.array(values, dtype=float)


def test_sensitivity_is_what_one_setting_for_all_costs():
    scores = array([1.0, 0.0, 0.6], [0.0, 1.0, 0.6])  # three environments, two settings
    assert sensitivity(scores) == pytest.approx((1 + 1 + 0.6) / 3 - 1.6 / 3)
    assert sensitivity(array([1.0, 0.8], [0.9, 0.1])) == 0, "the first is best everywhere"
    assert sensitivity(scores.reshape(2, 1, 3)) == sensitivity(scores), "however the settings are arranged"


def test_effective_dimensionality_counts_what_must_be_tuned_per_environment():
    """Of two hyper-parameters with two values each, on two environments."""
    one = np.zeros((2, 2, 2))
    one[0, :, 0] = one[1, :, 1] = 1.0  # the first decides, and differently on both; the second does not matter
    assert effective_dimensionality(one) == 1
    both = np.zeros((2, 2, 2))
    both[0, 0, 0] = both[1, 1, 1] = 1.0
    assert effective_dimensionality(both) == 2
    assert effective_dimensionality(np.ones((2, 2, 2))) == 0
    nearly = array([1.0, 0.95], [0.9, 1.0])
    assert effective_dimensionality(nearly) == 0, "0.975 of the best is near enough"
    assert effective_dimensionality(nearly, near=0.99) == 1
    assert effective_dimensionality(nearly[::-1], near=0.96) == 0, "wherever the best one setting stands"
    with pytest.raises(ValueError, match="tuned per environment is -1; expected a positive one"):
        effective_dimensionality(-np.ones((2, 2)))


def test_one_setting_for_all_is_chosen_by_ranks():
    """The second setting wins two environments of three narrowly; the first wins the third by a unit that is huge."""
    first = [array(1, 2), array(1, 2), array(1000, 2000)]
    second = [array(3, 4), array(3, 4), array(1, 2)]
    assert common_setting([first, second]) == 1
    assert common_setting([second, first]) == 0
    assert common_setting([first, first]) == 0, "the first of equals"
    assert list(_share_below(array(1, 2), array(1, 1, 2, 3))) == [0.25, 0.625], "ties half"


def test_tuning_is_paid_in_steps():
    steps, scores = array(0, 10, 20), array(0, 1, 1)
    assert paid_auc(steps, scores, 0) == pytest.approx(0.75)
    assert paid_auc(steps, scores, 10) == pytest.approx(0.25), "nothing for half of the budget, then the rise"
    assert paid_auc(steps, scores, 15) == pytest.approx((5 * 0.5 / 2) / 20)
    assert paid_auc(steps, scores, 20) == paid_auc(steps, scores, 99) == 0
