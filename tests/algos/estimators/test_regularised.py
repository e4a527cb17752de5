from dataclasses import replace

import pytest
import torch
from algos_cases import make_problem
from surrogate_cases import EPISODES, RATIOS

from algos.estimators import ImportanceSampled
from algos.estimators.regularised import EntropyBonus, KLPenalised, RatioPenalised
from algos.policies import Categorical

ALL = [RatioPenalised(0.3), KLPenalised(2.0), EntropyBonus(0.1)]
every = pytest.mark.parametrize("surrogate", ALL, ids=repr)


@every
def test_the_gradient_is_that_of_the_value(surrogate):
    leaf = RATIOS.log().requires_grad_()
    (expected,) = torch.autograd.grad(surrogate.value(leaf, EPISODES), leaf)
    torch.testing.assert_close(surrogate.gradient(RATIOS.log(), EPISODES), expected)


@pytest.mark.parametrize("surrogate", ALL[:2], ids=repr)
def test_at_the_old_policy_it_is_the_plain_surrogate(surrogate):
    same = torch.zeros(5).double()
    torch.testing.assert_close(surrogate.value(same, EPISODES), ImportanceSampled().value(same, EPISODES))
    torch.testing.assert_close(surrogate.gradient(same, EPISODES), ImportanceSampled().gradient(same, EPISODES))
    assert surrogate.local


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_rows_best_ratio_is_epsilon_away(sign):
    batch = replace(EPISODES, advantages=sign * EPISODES.advantages)
    best = torch.full((5,), 1 + sign * 0.3, dtype=torch.float64).log()
    assert RatioPenalised(0.3).gradient(best, batch).abs().max() < 1e-12
    closer, beyond = best - sign * 0.01, best + sign * 0.01
    assert (sign * RatioPenalised(0.3).gradient(closer, batch) > 0).all()
    assert (sign * RatioPenalised(0.3).gradient(beyond, batch) < 0).all()


def every_action():
    """All three actions of one state, each as often as the old policy takes it, and the new policy's log ratios."""
    old, new = torch.tensor([[5, 3, 2]]).double().div(10).log(), torch.tensor([[2, 3, 5]]).double().div(10).log()
    actions = torch.tensor([0] * 5 + [1] * 3 + [2] * 2)
    log_probs = old[0, actions]
    columns = {name: torch.zeros(10).double() for name in ("advantages", "episodes", "times")}
    batch = replace(EPISODES, obs=torch.zeros(10, 1), actions=actions, log_probs=log_probs, **columns)
    return batch, new[0, actions] - log_probs, old, new


def test_the_price_is_the_exact_divergence_where_every_action_is_there():
    batch, log_ratio, old, new = every_action()
    exact = float(Categorical(3).kl(old, new))
    assert float(KLPenalised(2.0).value(log_ratio, batch)) == pytest.approx(-2 * exact) and exact > 0.1


def test_the_bonus_is_the_exact_entropy_where_every_action_is_there():
    batch, log_ratio, _, new = every_action()
    signs = torch.tensor([1.0, -1.0] * 5).double() * 3  # root mean square 3
    batch = replace(batch, advantages=signs)
    bonus = EntropyBonus(0.1).value(log_ratio, batch) - ImportanceSampled().value(log_ratio, batch)
    assert float(bonus) == pytest.approx(0.3 * float(Categorical(3).entropy(new)))
    empty = replace(batch, advantages=0 * signs)
    assert not EntropyBonus(0.1).gradient(log_ratio, empty).any()


def test_the_bonus_points_where_the_entropy_grows():
    """Its gradient, of many actions, against autograd of the family's own entropy."""
    problem = make_problem(Categorical(3))
    g = torch.Generator().manual_seed(0)
    obs = problem.batch.obs[:4].repeat(20_000, 1)
    d = problem.policy.outputs(problem.theta, obs)
    actions = torch.multinomial(d.softmax(-1), 1, generator=g).squeeze(-1)
    leaf = d.clone().requires_grad_()
    (expected,) = torch.autograd.grad(problem.policy.family.entropy(leaf).mean(), leaf)
    log_probs = problem.policy.family.log_prob(d, actions)
    columns = {name: torch.zeros(len(obs)) for name in ("episodes", "times")}
    batch = replace(
        problem.batch,
        obs=obs,
        actions=actions,
        log_probs=log_probs,
        advantages=torch.ones(len(obs)).double(),
        **columns,
    )
    slopes = EntropyBonus(1.0).gradient(torch.zeros(len(obs)).double(), batch) - 1 / len(obs)
    by_row = slopes.unsqueeze(-1) * problem.policy.family.score(d, actions)
    found, wanted = (t.view(20_000, 4, 3).sum(0) for t in (by_row, expected))
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.005)
    assert wanted.abs().max() > 0.02


def test_numbers_out_of_range_are_refused():
    for wrong in (lambda: RatioPenalised(1.0), lambda: KLPenalised(0.0), lambda: EntropyBonus(0.0)):
        with pytest.raises(ValueError, match="must"):
            wrong()
