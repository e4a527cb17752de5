from dataclasses import replace

import pytest
import torch

from algos.estimators import measure_change
from algos.rules import RULES


def another(problem, theta, seed):
    """A batch that the policy at theta collected elsewhere."""
    g = torch.Generator().manual_seed(seed)
    obs = torch.randn(problem.batch.obs.shape, generator=g, dtype=torch.float64) + 1
    family, d = problem.policy.family, problem.policy.outputs(theta, obs)
    uniform = torch.rand(60, family.noise_size, generator=g, dtype=torch.float64)
    noise = -(-uniform.log()).log() if family.noise == "gumbel" else torch.erfinv(2 * uniform - 1) * 2**0.5
    actions = family.act(d, noise)
    log_probs = problem.policy.log_prob(theta, obs, actions)
    advantages = torch.randn(60, generator=g, dtype=torch.float64)
    return replace(problem.batch, obs=obs, actions=actions, log_probs=log_probs, advantages=advantages)


def test_one_batch_is_trpo(problem):
    found, expected = (
        rule.update(rule.init(problem.theta), problem.batch)[0].theta
        for rule in (RULES["history_trpo"](problem.policy), RULES["trpo"](problem.policy, max_kl=0.01))
    )
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)  # log_probs pass through the mixture


@pytest.mark.parametrize("batches", [1, 2])
def test_the_region_is_over_the_states_of_all_batches(problem, batches):
    rule = RULES["history_trpo"](problem.policy, max_kl=0.05, batches=batches)
    first, _ = rule.update(rule.init(problem.theta), problem.batch)
    later = another(problem, first.theta, 4)
    second, info = rule.update(first, later)
    kl = [measure_change(problem.policy, first.theta, second.theta, batch).kl for batch in (problem.batch, later)]
    assert info.accepted and len(second.batches) == batches
    if batches == 2:
        assert sum(kl) / 2 == pytest.approx(info.trials[-1].kl) and info.trials[-1].kl <= 0.05
    else:
        assert kl[1] == pytest.approx(info.trials[-1].kl) and kl[0] != pytest.approx(kl[1])


def test_the_step_is_trpos_on_the_mixture(problem):
    rule = RULES["history_trpo"](problem.policy, batches=2)
    first, _ = rule.update(rule.init(problem.theta), problem.batch)
    later = another(problem, first.theta, 4)
    second, _ = rule.update(first, later)
    mixture = rule.mixture((problem.theta, first.theta), (problem.batch, later))
    plain = RULES["trpo"](problem.policy, max_kl=0.01)
    expected, _ = plain.update(plain.init(first.theta), mixture)
    assert second.theta.equal(expected.theta)
