from dataclasses import replace

import pytest
import torch
from algos_cases import dense
from surrogate_cases import EPISODES, RATIOS

from algos.ascent import LocalModel
from algos.estimators import Discounted, ImportanceSampled
from algos.estimators.region import OverMoreStates
from algos.estimators.surrogates import SelfNormalised

MORE = replace(
    EPISODES.rows(torch.tensor([0, 1, 2, 3, 4, 1, 0, 3])),
    advantages=torch.cat([EPISODES.advantages, torch.tensor([5.0, -7.0, 3.0]).double()]),
)
LOG_RATIOS = torch.cat([RATIOS.log(), torch.tensor([2.0, -1.0, 0.5]).double()])


@pytest.mark.parametrize("of", [ImportanceSampled(), SelfNormalised(), Discounted()], ids=repr)
def test_data_are_the_first_rows_alone(of):
    surrogate, leaf = OverMoreStates(5, 0.8, of), LOG_RATIOS.clone().requires_grad_()
    value = surrogate.value(leaf, MORE)
    assert float(value.detach()) == pytest.approx(float(of.value(RATIOS.log(), EPISODES)))
    (expected,) = torch.autograd.grad(value, leaf)
    torch.testing.assert_close(surrogate.gradient(LOG_RATIOS, MORE), expected)
    assert not expected[5:].any() and not surrogate.cut(LOG_RATIOS, MORE).any()
    by_weights = (surrogate.log_weights(LOG_RATIOS, MORE).exp() * MORE.advantages).mean()
    assert float(by_weights) == pytest.approx(float(value.detach()))


def test_divergence_and_fisher_matrix_are_means_of_the_two_parts_by_share(problem):
    """Oracle: the dense matrices and divergences of either part, mixed by hand."""
    rows, share = 45, 0.7
    own, rest = problem.batch.rows(slice(rows)), problem.batch.rows(slice(rows, None))
    policy, theta = problem.policy, problem.theta
    new = theta + 0.1 * torch.randn(len(theta), generator=torch.Generator().manual_seed(0)).double()
    joint = LocalModel(policy, theta, problem.batch, OverMoreStates(rows, share))
    parts = [LocalModel(policy, theta, part) for part in (own, rest)]
    own_fisher, rest_fisher = (dense(part.fisher, len(theta)) for part in parts)
    mixed = (1 - share) * own_fisher + share * rest_fisher
    torch.testing.assert_close(dense(joint.fisher, len(theta)), mixed)
    first, second = (part.candidate(new).kl for part in parts)
    assert joint.candidate(new).kl == pytest.approx((1 - share) * first + share * second)
    assert joint.candidate(new).surrogate_gain == pytest.approx(parts[0].candidate(new).surrogate_gain)
    torch.testing.assert_close(joint.gradient, parts[0].gradient)


def test_the_visitation_of_the_data_is_kept():
    weights = OverMoreStates(5, 0.8, Discounted()).visitation(MORE)
    assert float(weights.mean()) == pytest.approx(1) and float(weights[5:].sum() / 8) == pytest.approx(0.8)
    discounts = Discounted().visitation(EPISODES)
    torch.testing.assert_close(weights[:5] / weights[0], discounts / discounts[0])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_leaves_something_to_both(share):
    with pytest.raises(ValueError, match="share"):
        OverMoreStates(5, share)
