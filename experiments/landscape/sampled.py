"""A ground known from samples: one large batch, and for every return the same episodes."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algos.ascent import LocalModel
from algos.policies import Policy
from algos.types import Batch
from experiments.cell.actor import Actor, draw_noise
from experiments.cell.environments import environments_of
from experiments.cell.normalization import ObservationNormalizer
from experiments.cell.run import Run
from experiments.cell.streams import global_generators, integer_seed, numpy_stream
from experiments.landscape.ground import NAN, Reading
from experiments.spec import RunSpec

CRITIC_FITS = 5  # passes over the rollout that only the critic sees


class SampledGround:
    """Surrogate, gradient, F and KL from a batch, returns from episodes, all with the cell's own discount.

    The batch's rows come from the discounted visitation (`thin`), so mean KL and F weigh states as theory does. A lower
    bound needs the largest advantage and the largest divergence of all states, which no batch knows: there is none.
    """

    exact, penalty = False, NAN

    def __init__(
        self, spec: RunSpec, theta: Tensor, normalizer: ObservationNormalizer, batch_size: int, episodes: int
    ) -> None:
        """theta [P]; `normalizer` stands still; batch_size: environment steps, rounded up to whole rollouts."""
        policy, batch, reward_scale = collect(spec, theta, normalizer, batch_size)
        self._player = Player(spec, policy, normalizer, episodes)
        self._model = LocalModel(policy, theta.double(), batch)
        self._returns, steps = self._player.play(theta)
        self._unit = float(steps.mean()) * reward_scale  # L - eta(old) = discounted steps times mean((w - 1) A)
        self.theta, self.rows, self.episodes = theta.double(), len(batch.obs), episodes
        self.gradient = self._unit * self._model.gradient

    def fisher(self, v: Tensor) -> Tensor:
        return self._model.fisher(v)

    def largest_curvature(self, v: Tensor) -> float:
        return NAN

    def read(self, theta: Tensor) -> Reading:
        candidate, (returns, _) = self._model.candidate(theta), self._player.play(theta)
        difference = returns - self._returns
        return Reading(
            return_mean=float(returns.mean()),
            return_se=float(difference.std(ddof=1)) / len(returns) ** 0.5,
            surrogate=float(self._returns.mean()) + self._unit * candidate.surrogate_gain,
            kl=candidate.kl,
            max_kl=candidate.max_kl,
        )

    def close(self) -> None:
        self._player.close()


def collect(
    spec: RunSpec, theta: Tensor, normalizer: ObservationNormalizer, batch_size: int
) -> tuple[Policy, Batch, float]:
    """The policy, a thinned batch of it in float64, and what its rewards were divided by.

    Advantages are those of the cell's pipeline with lambda = 1 and a critic of a rollout of its own: not biased,
    whatever the critic is worth.
    """
    n_envs = spec.settings.n_envs
    changes = {"batch_size": -(-batch_size // n_envs) * n_envs, "gae_lambda": 1.0, "normalize_advantages": False}
    settings = spec.settings.model_copy(update=changes | {"device": "cpu"})
    run = Run(spec.model_copy(update={"settings": settings}))
    try:
        run.state, rollouts = run.rule.init(theta), []
        for _ in range(2):
            run.restart_episodes()
            run.collector.normalizer.restore(normalizer.moments.state())
            rollouts.append(run.collector.collect(theta))
            run.env_steps += rollouts[-1].rewards.size
        with torch.no_grad():
            for _ in range(CRITIC_FITS):
                run.scaler.restart_episodes()
                batch, returns, _ = run.estimate(rollouts[0])
                run.critic_state = run.critic.fit(run.critic_state, batch.obs, returns)
            run.scaler.restart_episodes()
            batch, _, _ = run.estimate(rollouts[1])
    finally:
        run.close()
    return run.policy, thin(batch, numpy_stream(spec.seed, "landscape rows")), run.scaler.scale


def thin(batch: Batch, generator: np.random.Generator) -> Batch:
    """Rows kept with probability gamma^t, in float64: what is left comes from the normalised discounted visitation."""
    chance = batch.gamma ** batch.times.double()
    kept = batch.rows(torch.from_numpy(generator.random(len(chance))) < chance)
    wide = {name: getattr(kept, name).double() for name in ("obs", "advantages", "log_probs")}
    actions = kept.actions.double() if kept.actions.is_floating_point() else kept.actions
    return replace(kept, **wide, actions=actions)


class Player:
    """The same episodes for every theta: their starts, and the noise of every step of each."""

    def __init__(self, spec: RunSpec, policy: Policy, normalizer: ObservationNormalizer, episodes: int) -> None:
        self._spec, self._policy, self._normalizer = spec, policy, normalizer
        self._envs = environments_of(spec, episodes)

    def close(self) -> None:
        self._envs.close()

    def play(self, theta: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Discounted returns and discounted counts of steps, [episodes] each, of theta [P], actions sampled."""
        with global_generators(self._spec.seed, "landscape"):
            return self._play(theta)

    @np.errstate(over="ignore", invalid="ignore")
    def _play(self, theta: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        seed, n, gamma = self._spec.seed, self._envs.n, self._spec.settings.gamma
        actor, noise = Actor(self._policy, theta.float()), numpy_stream(seed, "landscape actions")
        obs = np.stack([self._envs.reset(lane, integer_seed(seed, f"landscape {lane}")) for lane in range(n)])
        returns, steps, discount, playing = np.zeros(n), np.zeros(n), 1.0, np.arange(n)
        most = self._envs.time_limit or self._spec.settings.eval_max_steps
        for _ in range(most):
            if not len(playing):
                break
            drawn = draw_noise(self._policy, noise, n)[playing]  # drawn for those too that have ended
            actions = self._envs.inside(actor.sample(self._normalizer(obs), drawn))
            obs, rewards, terminated, truncated = self._envs.step(actions, playing.tolist())
            returns[playing] += discount * rewards
            steps[playing] += discount
            discount *= gamma
            going = ~(terminated | truncated)
            playing, obs = playing[going], obs[going]
        return returns, steps
