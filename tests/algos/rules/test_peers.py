"""Our rules beside an independent implementation: sb3-contrib's TRPO and stable-baselines3's PPO, on the same batches.

Nothing is trained: a batch is put into the peer's rollout buffer, our theta into its policy, and its `train()` is
called once. What is matched, and what remains different:

- TRPO: the peer's divergence of a diagonal Gaussian is a *mean* over the A action dimensions, not their sum, so its
  radius and its damping are worth A times ours (ours are multiplied here; HalfCheetah has A = 6). It bounds
  KL(new || old), strictly (`ReverseKLWithin`), and takes the step length from s'(F + damping I)s (`DampedKLRadius`).
  Its conjugate gradient starts at 1e-4 * randn and stops at an absolute squared residual of 1e-10; ours starts at 0
  and stops at a relative one. So both are run until converged, and agree to 1e-3, in the float32 that the peer insists
  on. Its `train()` also fits the value network, which shares nothing with the policy.
- PPO: the peer normalises advantages per minibatch (ours: once per batch, in the pipeline of all rules), draws its
  shuffles from numpy's global generator, and clips the norm of the gradients of policy and value network together. Here
  its advantages come normalised, its shuffles are handed to ours, and its value loss has weight 0.
"""

import copy
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
import torch

from algos.ascent import (
    AscentRule,
    Backtracking,
    DampedKLRadius,
    LocalModel,
    Natural,
    ReverseKLWithin,
    SurrogateImproves,
)
from algos.policies import Categorical, DiagonalGaussian, Policy
from algos.rules import RULES
from algos.types import Batch

sb3_contrib = pytest.importorskip("sb3_contrib", reason="the peers are not installed: pip install -e '.[peers]'")
from sb3_contrib.common.utils import conjugate_gradient_solver  # noqa: E402
from stable_baselines3 import PPO  # noqa: E402
from stable_baselines3.common.distributions import kl_divergence  # noqa: E402
from stable_baselines3.common.logger import Logger  # noqa: E402

ROWS, OBS = 512, 6
FAMILIES = {"categorical": Categorical(4), "gaussian": DiagonalGaussian(3)}
CG = 120  # iterations, enough for both to converge


class Spaces(gym.Env):
    """An environment that only says what its spaces are: the peers want one, and never step it."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (OBS,), np.float32)

    def __init__(self, family):
        discrete = isinstance(family, Categorical)
        self.action_space = gym.spaces.Discrete(4) if discrete else gym.spaces.Box(-1, 1, (3,), np.float32)


@pytest.fixture(params=FAMILIES)
def case(request):
    """A policy, its theta and a batch that it collected, in the peers' float32."""
    g = torch.Generator().manual_seed(3)
    policy = Policy.mlp(OBS, (64, 64), FAMILIES[request.param])
    theta = policy.init(g, -0.5) + 0.05 * torch.randn(policy.network.size, generator=g)
    obs = torch.randn(ROWS, OBS, generator=g)
    noise = torch.rand(ROWS, policy.family.noise_size, generator=g)
    noise = -torch.log(-torch.log(noise)) if request.param == "categorical" else torch.randn(noise.shape, generator=g)
    actions = policy.family.act(policy.outputs(theta, obs), noise)
    advantages = obs[:, 0] * (actions.float() if actions.ndim == 1 else actions[:, 0])
    advantages = advantages + torch.randn(ROWS, generator=g)
    advantages = (advantages - advantages.mean()) / advantages.std()
    batch = Batch(
        obs=obs,
        actions=actions,
        advantages=advantages,
        log_probs=policy.log_prob(theta, obs, actions),
        episodes=torch.zeros(ROWS, dtype=torch.long),
        times=torch.arange(ROWS),
        gamma=0.99,
    )
    return policy, theta, batch


def parameters_of(model):
    """Our theta's parts in the peer's policy, in our order: weights and biases of each layer, then log-std."""
    hidden = [part for part in model.policy.mlp_extractor.policy_net if hasattr(part, "weight")]
    parts = [p for layer in (*hidden, model.policy.action_net) for p in (layer.weight, layer.bias)]
    return [*parts, model.policy.log_std] if hasattr(model.policy, "log_std") else parts


def make_peer(algorithm, case, **settings):
    """The peer with our theta in its policy and our batch in its buffer."""
    policy, theta, batch = case
    torch.manual_seed(0)
    model = algorithm(
        "MlpPolicy",
        Spaces(policy.family),
        n_steps=ROWS,
        policy_kwargs={"net_arch": [64, 64]},
        normalize_advantage=False,
        device="cpu",
        **settings,
    )
    model.set_logger(Logger(folder=None, output_formats=[]))
    start = 0
    for parameter in parameters_of(model):
        stop = start + parameter.numel()
        parameter.data.copy_(theta[start:stop].view_as(parameter))
        start = stop
    assert start == len(theta)
    buffer = model.rollout_buffer
    for t in range(ROWS):
        row = (batch.obs[t].numpy(), batch.actions[t].numpy(), np.zeros(1), np.zeros(1), torch.zeros(1))
        buffer.add(*row, batch.log_probs[t])
    buffer.advantages[:, 0] = batch.advantages.numpy()
    return model


def theta_of(model):
    return torch.cat([p.detach().reshape(-1) for p in parameters_of(model)])


def relative_difference(ours, theirs):
    return float((ours - theirs).norm() / theirs.norm())


def scale_of(policy):
    """What the peer's divergence of a Gaussian has to be multiplied with: it is a mean over the A action dimensions."""
    return policy.family.n if isinstance(policy.family, DiagonalGaussian) else 1


def matched_trpo(policy, max_kl, damping):
    """`trpo` with the peer's conventions: one part replaced for each."""
    radius = scale_of(policy) * max_kl
    return AscentRule(
        policy,
        Natural(CG, damping=scale_of(policy) * damping),
        DampedKLRadius(radius),
        Backtracking((SurrogateImproves(), ReverseKLWithin()), shrink=0.8, max_trials=10),
    )


def peers_direction(model, batch):
    """The gradient g [P] and the solution s [P] of (F + damping I) s = g that the peer's own functions find."""
    with torch.no_grad():
        old = copy.copy(model.policy.get_distribution(batch.obs))
    new = model.policy.get_distribution(batch.obs)
    surrogate = (batch.advantages * torch.exp(new.log_prob(batch.actions) - batch.log_probs)).mean()
    parameters, gradient, kl_gradient, _ = model._compute_actor_grad(kl_divergence(new, old).mean(), surrogate)
    product = partial(model.hessian_vector_product, parameters, kl_gradient)
    direction = conjugate_gradient_solver(product, gradient, max_iter=model.cg_max_steps)
    order = [next(i for i, p in enumerate(parameters) if p is wanted) for wanted in parameters_of(model)]
    sizes = [p.numel() for p in parameters]
    return [torch.cat([flat.detach().split(sizes)[i] for i in order]) for flat in (gradient, direction)]


def test_gradient_and_natural_direction(case):
    policy, theta, batch = case
    model = make_peer(sb3_contrib.TRPO, case, cg_max_steps=CG, cg_damping=0.1)
    gradient, direction = peers_direction(model, batch)
    with torch.no_grad():
        local = LocalModel(policy, theta, batch)
        heading, _ = Natural(CG, damping=scale_of(policy) * 0.1).head(local, None)
    assert heading.cg_residual < 1e-5
    assert relative_difference(local.gradient, gradient) < 1e-5
    assert relative_difference(scale_of(policy) * heading.vector, direction) < 1e-3


@pytest.mark.parametrize(("max_kl", "damping", "backtracks"), [(0.01, 0.1, False), (0.3, 0.003, True)])
def test_accepted_step_of_trpo(case, max_kl, damping, backtracks):
    policy, theta, batch = case
    settings = {"cg_max_steps": CG, "cg_damping": damping, "target_kl": max_kl, "n_critic_updates": 1}
    model = make_peer(sb3_contrib.TRPO, case, **settings)
    model.train()
    rule = matched_trpo(policy, max_kl, damping)
    state, info = rule.update(rule.init(theta), batch)
    assert info.accepted and (len(info.trials) > 1) == backtracks
    assert relative_difference(state.theta - theta, theta_of(model) - theta) < 1e-3


@pytest.mark.parametrize("minibatch", [ROWS, 64])
def test_step_of_ppo(case, minibatch, monkeypatch):
    policy, theta, batch = case
    settings = {"batch_size": minibatch, "n_epochs": 4, "learning_rate": 3e-3, "max_grad_norm": 0.5}
    model = make_peer(PPO, case, vf_coef=0.0, **settings)
    np.random.seed(11)  # noqa: NPY002  the peer's own choice
    model.train()
    shuffles = np.random.RandomState(11)
    monkeypatch.setattr(torch, "randperm", lambda n, generator, device: torch.from_numpy(shuffles.permutation(n)))
    rule = RULES["ppo"](policy, minibatch=minibatch, epochs=4, lr=3e-3, max_grad_norm=0.5)
    state, _ = rule.update(rule.init(theta), batch)
    assert relative_difference(state.theta - theta, theta_of(model) - theta) < 1e-3
