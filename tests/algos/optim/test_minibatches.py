from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from algos.finite import NonFinite
from algos.networks import MLP
from algos.optim import TORCH_STEPS, Plain, Plan, Reached, shuffles

LINEAR = MLP(2, (), 1)  # theta = [w1, w2, b]
OBS = torch.arange(14.0).double().view(7, 2) / 10
THETA = torch.tensor([1.0, -1.0, 0.5]).double()


@dataclass(frozen=True)
class Mean:
    """The mean of c * output over rows: its gradient by theta is that of c [x, 1], wherever theta is."""

    obs: Tensor
    c: Tensor

    def rows(self, index):
        return Mean(self.obs[index], self.c[index])

    def slope(self, outputs):
        return self.c.unsqueeze(-1) / len(outputs)


OBJECTIVE = Mean(OBS, torch.arange(7.0).double() + 1)


def gradient(rows):
    design = torch.cat([OBS, torch.ones(7, 1).double()], 1)
    return (OBJECTIVE.c[rows].unsqueeze(-1) * design[rows]).mean(0)


def taken(orders, plan, objective=OBJECTIVE):
    return TORCH_STEPS.take(LINEAR, objective, Reached(THETA, None), orders, plan).theta


def test_every_order_is_cut_into_steps_the_last_of_them_with_what_is_left():
    orders = torch.tensor([[3, 0, 6, 1, 2, 5, 4], [0, 1, 2, 3, 4, 5, 6]])
    plan = Plan(Plain(), 0.1, 3)
    steps = [[3, 0, 6], [1, 2, 5], [4], [0, 1, 2], [3, 4, 5], [6]]
    torch.testing.assert_close(taken(orders, plan), THETA + 0.1 * sum(gradient(rows) for rows in steps))
    assert plan.steps(orders) == 6


def test_gradients_are_shortened_to_the_largest_norm_and_no_longer():
    order, g = torch.arange(7)[None], gradient(list(range(7)))
    short = taken(order, Plan(Plain(), 0.1, 7, max_norm=float(g.norm()) / 4))
    torch.testing.assert_close(short, THETA + 0.1 * g / 4, rtol=1e-5, atol=0)
    assert taken(order, Plan(Plain(), 0.1, 7, max_norm=1e3)).equal(taken(order, Plan(Plain(), 0.1, 7)))


def test_nan_is_found_in_gradients_and_infinity_in_theta():
    order = torch.arange(7)[None]
    with pytest.raises(NonFinite, match="gradient holds nan"):
        taken(order, Plan(Plain(), 0.1, 7), Mean(OBS, OBJECTIVE.c * float("nan")))
    with pytest.raises(NonFinite, match="theta holds nan"):
        taken(order, Plan(Plain(), 1e308, 7), Mean(OBS, OBJECTIVE.c * 1e10))


def test_a_plan_out_of_range_is_refused():
    for wrong in ((0.1, 0), (0.0, 1), (0.1, 1, 0.0)):
        with pytest.raises(ValueError, match="must be at least 1"):
            Plan(Plain(), *wrong)


def test_shuffles_are_those_of_their_seed_one_after_the_other():
    g = torch.Generator().manual_seed(3)
    expected = [torch.randperm(9, generator=g) for _ in range(2)]
    with torch.device("meta"):
        orders = shuffles(9, 2, seed=3)
    assert orders.equal(torch.stack(expected))
