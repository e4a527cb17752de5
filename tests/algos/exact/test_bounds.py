from itertools import pairwise

import pytest
import torch

from algos.exact import average_divergence_bound, minorizer, random_mdp, theory_penalty
from algos.exact.bounds import state_kl

BOUNDS = [minorizer, average_divergence_bound]
PROBLEMS = [random_mdp(5, 3, gamma, torch.Generator().manual_seed(i)) for i, gamma in enumerate([0.5, 0.9, 0.97])]


def policies(mdp, n, distance):
    g = torch.Generator().manual_seed(9)
    logits = torch.randn(mdp.rewards.shape, generator=g, dtype=torch.float64)
    old = logits.softmax(-1)
    moved = [
        (logits + distance * torch.randn(logits.shape, generator=g, dtype=torch.float64)).softmax(-1) for _ in range(n)
    ]
    return old, moved


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("mdp", PROBLEMS)
def test_a_bound_touches_the_return_at_the_old_policy(bound, mdp):
    old, _ = policies(mdp, 0, 0.0)
    assert float(bound(mdp, old, old)) == pytest.approx(float(mdp.eta(old)))


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("mdp", PROBLEMS)
@pytest.mark.parametrize("distance", [0.001, 0.1, 1.0, 10.0])
def test_a_bound_is_nowhere_above_the_return(bound, mdp, distance):
    old, moved = policies(mdp, 60, distance)
    for new in moved:
        assert float(bound(mdp, old, new)) <= float(mdp.eta(new)) + 1e-9


@pytest.mark.parametrize("mdp", PROBLEMS)
def test_the_average_divergence_bound_is_tighter(mdp):
    old, moved = policies(mdp, 30, 0.3)
    for new in moved:
        assert float(average_divergence_bound(mdp, old, new)) >= float(minorizer(mdp, old, new))


@pytest.mark.parametrize("mdp", PROBLEMS)
def test_climbing_the_minorizer_never_lowers_the_return(mdp):
    """Minorize-maximize with exact quantities: each step improves the bound, and so the return, however little."""
    logits = torch.zeros(mdp.rewards.shape, dtype=torch.float64)
    returns = []
    for _ in range(15):
        old = logits.softmax(-1)
        returns.append(float(mdp.eta(old)))
        direction, step = mdp.advantage(old), 1.0
        while float(minorizer(mdp, old, (logits + step * direction).softmax(-1))) <= returns[-1]:
            step /= 2
            assert step > 1e-12
        logits = logits + step * direction
    assert all(b >= a for a, b in pairwise(returns)) and returns[-1] > returns[0]


def test_the_penalty_and_the_divergence_by_hand():
    mdp = random_mdp(2, 2, 0.5, torch.Generator().manual_seed(0))
    pi = torch.full((2, 2), 0.5, dtype=torch.float64)
    assert theory_penalty(mdp, pi) == pytest.approx(4 * float(mdp.advantage(pi).abs().max()) * 0.5 / 0.25)
    new = torch.tensor([[0.5, 0.5], [0.25, 0.75]], dtype=torch.float64)
    expected = 0.5 * torch.log(torch.tensor(2.0)) + 0.5 * torch.log(torch.tensor(2 / 3))
    torch.testing.assert_close(state_kl(pi, new), torch.tensor([0.0, float(expected)]).double(), atol=1e-7, rtol=1e-6)
