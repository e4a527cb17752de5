"""What float32 decides, against the same in float64, on policies and batches of the size that runs have."""

from dataclasses import replace

import pytest
import torch

from algos.ascent import LocalModel, Natural
from algos.estimators import measure_change
from algos.policies import Categorical, DiagonalGaussian, Policy
from algos.rules import RULES
from algos.types import Batch

CASES = {"as CartPole": (4, Categorical(2)), "as HalfCheetah": (17, DiagonalGaussian(6))}


@pytest.fixture(params=CASES)
def case(request):
    """A policy at its start, and 2,048 rows of it: float32, advantages normalised."""
    obs_size, family = CASES[request.param]
    g = torch.Generator().manual_seed(7)
    policy = Policy.mlp(obs_size, (64, 64), family)
    theta, obs = policy.init(g, -0.5), torch.randn(2048, obs_size, generator=g)
    uniform = torch.rand(2048, family.noise_size, generator=g)
    noise = -(-uniform.log()).log() if isinstance(family, Categorical) else torch.erfinv(2 * uniform - 1) * 2**0.5
    actions = family.act(policy.outputs(theta, obs), noise)
    advantages = torch.randn(2048, generator=g) + obs[:, 0] * (actions if actions.ndim == 1 else actions[:, 0])
    batch = Batch(
        obs=obs,
        actions=actions,
        advantages=(advantages - advantages.mean()) / advantages.std(),
        log_probs=policy.log_prob(theta, obs, actions),
        episodes=torch.arange(2048) // 128,
        times=torch.arange(2048) % 128,
        gamma=0.99,
    )
    return policy, theta, batch


def in_double(batch):
    """The same batch in float64, log_probs and all: the oracle."""
    wide = {name: getattr(batch, name).double() for name in ("obs", "advantages", "log_probs")}
    actions = batch.actions.double() if batch.actions.is_floating_point() else batch.actions
    return replace(batch, **wide, actions=actions)


def test_the_penalty_of_theory_accepts_what_float64_accepts(case):
    policy, theta, batch = case
    rule = RULES["mm_theory"](policy)
    (_, single), (_, double) = (
        rule.update(rule.init(t), b) for t, b in ((theta, batch), (theta.double(), in_double(batch)))
    )
    assert double.accepted and double.beta > 1000, double
    assert single.accepted and len(single.trials) == len(double.trials), (single.trials, double.trials)
    assert single.step_size == pytest.approx(double.step_size, rel=1e-3)


@pytest.mark.parametrize("length", [1e-5, 1e-3, 0.1])
def test_gains_and_divergences_of_short_steps_are_those_of_float64(case, length):
    policy, theta, batch = case
    direction = Natural().solve(LocalModel(policy, theta, batch)).vector
    new = theta + length * direction
    told = measure_change(policy, theta, new, batch)
    known = measure_change(policy, theta.double(), new.double(), in_double(batch))
    for name in ("surrogate_gain", "linear_gain", "kl", "reverse_kl", "max_kl", "quadratic_kl"):
        assert getattr(told, name) == pytest.approx(getattr(known, name), rel=0.02, abs=0), name
    candidate = LocalModel(policy, theta, batch).candidate(new)
    for name in ("surrogate_gain", "kl", "reverse_kl", "max_kl"):
        assert getattr(candidate, name) == getattr(told, name), name
