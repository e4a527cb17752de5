from dataclasses import replace

import pytest
import torch

from algos.estimators.penalty import theory_penalty


def test_the_penalty_by_hand_and_in_the_units_of_the_batch(problem):
    batch = problem.with_advantages(torch.cat([torch.tensor([-3.0, 2.0]).double(), torch.zeros(58).double()]))
    plain = replace(batch, gamma=0.9)
    assert theory_penalty(plain) == pytest.approx(4 * 3 * 0.9 / 0.1)
    # normalised: what was seen is 2 A + 1, at most 5 in size; divided by the scale 2
    assert theory_penalty(replace(plain, advantage_scale=2.0, advantage_mean=1.0)) == pytest.approx(
        4 * 5 * 0.9 / 0.1 / 2
    )


def test_the_sooner_episodes_end_the_more_a_mean_over_rows_has_to_pay(problem):
    endless = replace(problem.batch, gamma=0.99)
    assert theory_penalty(replace(endless, visitation_mass=100.0)) == pytest.approx(theory_penalty(endless))
    assert theory_penalty(replace(endless, visitation_mass=7.3)) == pytest.approx(theory_penalty(endless) * 100 / 7.3)
