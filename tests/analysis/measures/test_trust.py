import math

import numpy as np
import pandas as pd
import pytest

from analysis.measures.trust import importance_sampling, overshoot, trust_region, truth, violation_share

NAN = float("nan")


def array(*values):
    return np.array(values, dtype=float)


def test_violations_count_only_where_there_is_a_bound():
    assert violation_share(array(1, 3, 3), array(2, 2, np.nan)) == 0.5
    assert violation_share(array(np.nan, 3), array(2, 2)) == 1, "what is not known is neither"
    assert math.isnan(violation_share(array(1), array(np.nan)))


def test_overshoot_is_relative_to_the_bound_and_never_negative():
    assert overshoot(array(1, 3, 9, np.nan), array(2, 2, np.nan, 2)) == 0.25
    assert math.isnan(overshoot(array(1), array(0)))


UPDATES = pd.DataFrame(
    {
        "kl": [0.01, 0.03, 0.02],
        "max_kl": [0.05, 0.01, 0.02],
        "radius": [0.02, 0.02, 0.02],
        "trials": [1, 3, 0],
        "accepted": [True, False, True],
        "agreement": [0.5, NAN, 0.9],
        "cg_residual": [0.1, 0.2, 0.6],
        "clipped_actions": [0.0, 0.3, 0.6],
        "ess": [1.0, 0.5, NAN],
        "max_weight": [0.1, 0.4, NAN],
        "true_return_before": [1.0, 2.0, NAN],
        "true_return_after": [2.0, 1.0, NAN],
        "bound_held": [1.0, 0.0, NAN],
    }
)


def test_a_trust_region_by_hand():
    assert trust_region(UPDATES) == {
        "kl_violation_share": pytest.approx(1 / 3),
        "max_kl_violation_share": pytest.approx(1 / 3),
        "kl_overshoot": pytest.approx(0.5 / 3),
        "kl_median": 0.02,
        "rejected_share": pytest.approx(1 / 3),
        "backtracks": 1.0,
        "agreement_median": pytest.approx(0.7),
        "cg_residual_median": 0.2,
        "clipped_share": pytest.approx(0.3),
    }


def test_the_first_use_of_a_batch_says_nothing_about_its_reuse():
    reuses = pd.DataFrame(
        {"k": [0, 1, 2], "ess": [1.0, 0.8, 0.4], "max_weight": [0.01, 0.1, 0.3], "truncated": [0.0, 0.2, 0.4]}
    )
    assert importance_sampling(UPDATES, reuses) == {
        "ess_median": pytest.approx(0.6),
        "ess_lowest": 0.4,
        "max_weight_largest": 0.3,
        "truncated_share": pytest.approx(0.3),
    }
    of_updates = importance_sampling(UPDATES, reuses.iloc[:1])
    assert of_updates["ess_lowest"] == 0.5 and of_updates["max_weight_largest"] == 0.4
    assert math.isnan(of_updates["truncated_share"])


def test_truth_is_told_where_it_is_known():
    assert truth(UPDATES) == {"true_loss_share": 0.5, "bound_held_share": 0.5}
    assert all(math.isnan(share) for share in truth(UPDATES.iloc[2:]).values())


def test_without_updates_there_are_no_shares():
    assert all(math.isnan(value) for value in trust_region(UPDATES.iloc[:0]).values())
