import math
from dataclasses import replace

import pytest
import torch

from algos.ascent import LocalModel
from algos.estimators import measure_change
from algos.estimators.surrogates import Unweighted
from algos.rules import RULES


def test_steps_are_taken_in_the_order_of_time_each_from_where_the_last_one_led(problem):
    batch = replace(problem.batch, n_envs=4)
    rule = RULES["per_step_pg"](problem.policy, lr=0.1)
    state, info = rule.update(rule.init(problem.theta), batch)
    theta = problem.theta
    for t in range(15):
        rows = batch.rows(slice(4 * t, 4 * t + 4))
        theta = theta + 0.1 * LocalModel(problem.policy, theta, rows, Unweighted()).gradient
    torch.testing.assert_close(state.theta, theta)
    assert info.gradient_evaluations == 15


def test_nothing_is_predicted_where_the_steps_gains_do_not_add_up(problem):
    """Each step also moves what the others' rows count: of n equal rows, n steps gain n times what they promise."""
    rows = torch.zeros(60, dtype=torch.long)
    equal = problem.batch.rows(rows)
    rule = RULES["per_step_pg"](problem.policy, lr=1e-4)
    state, info = rule.update(rule.init(problem.theta), equal)
    change = measure_change(problem.policy, problem.theta, state.theta, equal, info)
    alone = 1e-4 * float(LocalModel(problem.policy, problem.theta, equal).gradient.square().sum())
    assert change.surrogate_gain == pytest.approx(60 * alone, rel=0.05)
    assert math.isnan(info.predicted_gain) and math.isnan(change.agreement)


def test_the_steps_of_a_default_batch_go_as_far_as_the_one_of_vanilla(problem):
    rule, vanilla = RULES["per_step_pg"](problem.policy), RULES["vanilla_pg"](problem.policy)
    assert rule.lr * 2048 / 16 == pytest.approx(vanilla.step_size.lr)
    with pytest.raises(ValueError, match="lr must be positive, got 0"):
        RULES["per_step_pg"](problem.policy, lr=0)
