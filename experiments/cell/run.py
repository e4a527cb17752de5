"""The moving parts of one run, and how they turn: collect, estimate, update, measure, evaluate."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algos.estimators import Change, diagnosed, gae, measure_change, visitation_mass
from algos.finite import NonFinite
from algos.types import Batch, Info, Normalization
from experiments.cell.checked_rule import first_state, make_rule, next_state, require_keepable
from experiments.cell.clock import Clock
from experiments.cell.compiled import CompiledPasses
from experiments.cell.compiled_steps import CompiledSteps
from experiments.cell.environments import environments_of
from experiments.cell.evaluate import ActionMode, Evaluator
from experiments.cell.failures import PARAMETER_LIMIT, RETURN_LIMIT, Diverged, require_finite, require_within
from experiments.cell.networks import critic_of, policy_of
from experiments.cell.normalization import CLIP, RewardScaler
from experiments.cell.oracle import Oracle, Truth, table_of
from experiments.cell.play import CompiledPlayer
from experiments.cell.rollout import Collector, Rollout
from experiments.cell.streams import integer_seed, seed_global_generators, torch_stream
from experiments.cell.watch import Watch
from experiments.identity import code_of, cpu_model, library_versions
from experiments.records import (
    PHASES,
    EvaluationRow,
    PolicyRow,
    ReuseRow,
    Row,
    TrialRow,
    UpdateRow,
    text_of,
)
from experiments.spec import RunSpec

NO_TRAINING = ("compile_s", "evaluation_s", "measure_s")  # phases that no rule needs
COUNTERS = ("gradient_evaluations", "fisher_products", "candidate_evaluations")


class Run:
    """One run; what it holds is what a checkpoint must keep."""

    def __init__(self, spec: RunSpec) -> None:
        self.spec, self.clock = spec, Clock()
        settings = spec.settings
        seed_global_generators(spec.seed, "cell")
        with self.clock("compile_s"):
            environments = environments_of(spec, settings.n_envs)
            observations = environments.observations
            self.obs_size = observations.size
            passes, steps = CompiledPasses(), CompiledSteps.of(settings)
            self.policy = policy_of(settings, observations, environments.family, passes, steps)
            CompiledPlayer.prepare(environments, self.policy)
        self.rule = make_rule(spec, self.policy)
        self.device = torch.device(settings.device)  # of parameters and batches; numbers are drawn on the CPU
        theta = self.policy.init(torch_stream(spec.seed, "theta"), settings.init_log_std)
        self.state = first_state(self.rule, theta.to(self.device))
        regression = settings.regression(integer_seed(spec.seed, "critic's shuffles"), steps)
        self.critic = critic_of(settings, observations, regression, passes)
        fresh = self.critic.init(torch_stream(spec.seed, "critic"))
        self.critic_state = replace(fresh, theta=fresh.theta.to(self.device))
        self.collector = Collector(spec, self.policy, environments)
        mdp = table_of(environments.made, settings.gamma)
        self.oracle = None if mdp is None else Oracle(mdp, self.policy)
        self.scaler = RewardScaler(settings.n_envs, settings.gamma, settings.scale_rewards)
        self.watch = Watch(self.policy, settings.diagnose_every)
        self.evaluator = Evaluator(spec, self.policy)
        self.env_steps = self.updates = 0
        self.judged = 0  # points of the evaluation grid that are behind
        self.kept = 0  # env_steps at the last checkpoint
        self.cpus = [cpu_model()]  # more than one where it was resumed on a machine of another kind
        self.counters: dict[str, Any] = dict.fromkeys(COUNTERS, 0)

    def rows(self, keep: Callable[[], None], give_up: Callable[[], bool] = lambda: False) -> Iterator[Row]:
        """Update, and evaluate wherever the grid is reached, until the budget is spent.

        `keep` is called where a checkpoint can be taken: `snapshot` then holds all that the remaining rows depend on.
        `give_up` is asked all the time in an evaluation. Raises Paused if it says yes.
        """
        grid = self.spec.grid
        while True:
            due = grid[self.judged]
            if self.env_steps >= due:
                if self.env_steps - self.kept >= self.spec.settings.checkpoint_every:
                    self.restart_episodes()
                    keep()
                yield from self.evaluate(due, give_up)
                self.judged += 1
                if due == self.spec.budget:
                    break
            yield from self.step()
        yield from self.evaluate(due, give_up, final=True)
        yield self.policy_row()

    def restart_episodes(self) -> None:
        """Start every episode and global generator afresh, in an uninterrupted run as in one that is resumed here."""
        self.kept = self.env_steps
        seed_global_generators(self.spec.seed, f"from step {self.env_steps}")
        self.collector.restart_episodes(self.env_steps)
        self.scaler.restart_episodes()

    @property
    def made_by(self) -> list[str]:
        """What a checkpoint must have been written by."""
        return [self.spec.run_id, code_of(self.spec).digest, library_versions()]

    def snapshot(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "cpus": self.cpus,
            "env_steps": self.env_steps,
            "updates": self.updates,
            "judged": self.judged,
            "counters": self.counters,
            "rule": self.state,
            "critic": self.critic_state,
            "collector": self.collector.state(),
            "rewards": self.scaler.moments.state(),
            "watch": self.watch.state(),
            "clock": self.clock.totals(),
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on where `snapshot` was taken."""
        self.env_steps, self.updates, self.judged = kept["env_steps"], kept["updates"], kept["judged"]
        self.counters, self.state, self.critic_state = kept["counters"], kept["rule"], kept["critic"]
        self.cpus = [*(cpu for cpu in kept["cpus"] if cpu not in self.cpus), *self.cpus]
        self.restart_episodes()
        self.collector.restore(kept["collector"])
        self.scaler.moments.restore(kept["rewards"])
        self.watch.restore(kept["watch"])
        self.clock.restore(kept["clock"])

    def step(self) -> Iterator[Row]:
        """Collect, estimate, update, measure."""
        clock = self.clock
        old = self.state.theta
        states = None if self.oracle is None else torch.from_numpy(self.collector.normalizer(np.eye(self.obs_size)))
        with clock("rollout_s"):
            rollout = self.collector.collect(old)
            require_finite(actions=rollout.actions, observations=rollout.obs)
            require_within(RETURN_LIMIT, rewards=rollout.rewards, returns=rollout.returns)
        with clock("advantage_s"), torch.no_grad():
            batch, returns, explained = self.estimate(rollout)
        with clock("critic_s"), torch.no_grad():
            try:
                self.critic_state = self.critic.fit(self.critic_state, batch.obs, returns)
            except (NonFinite, torch.linalg.LinAlgError) as error:  # type: ignore[attr-defined]  # overflow
                raise Diverged(f"critic not to be fitted: {error}") from error
            require_within(PARAMETER_LIMIT * max(1.0, float(returns.abs().max())), critic=self.critic_state.theta)
        with clock("update_s"):
            self.state, info = next_state(self.rule, self.state, batch)
        if not self.updates:  # now, not when hours of work are to be kept
            require_keepable(self.rule, self.state)
        require_within(PARAMETER_LIMIT * max(1.0, self.collector.environments.action_scale), theta=self.state.theta)
        with clock("measure_s"):
            info = diagnosed(info)
            change = measure_change(self.policy, old, self.state.theta, batch, info)
            seen = self.watch.look(self.updates, old, self.state.theta, batch)
            truth = Truth()
            if self.oracle is not None and states is not None:
                truth = self.oracle.judge(old, self.state.theta, states, batch, change.achieved_bound)
        self.env_steps += rollout.rewards.size
        self.updates += 1
        for counter in self.counters:
            self.counters[counter] += getattr(info, counter)
        yield self.update_row(rollout, info, change, truth, explained, seen)
        where: dict[str, Any] = {"run_id": self.spec.run_id, "update": self.updates}
        for number, trial in enumerate(info.trials):
            yield TrialRow(**where, trial=number, **asdict(trial))
        for reuse in info.reuses:
            yield ReuseRow(**where, **asdict(reuse))

    def estimate(self, rollout: Rollout) -> tuple[Batch, Tensor, float]:
        """The batch, the critic's targets [B], and how much of them the critic explained already."""
        settings = self.spec.settings
        rewards = self.tensor(self.scaler(rollout.rewards, rollout.done).astype(np.float32))
        obs, next_obs = self.tensor(rollout.obs), self.tensor(rollout.next_obs)
        terminated, done = self.tensor(rollout.terminated), self.tensor(rollout.done)
        values = self.critic.predict(self.critic_state, obs.flatten(0, 1)).view_as(rewards)
        next_values = torch.cat([values[1:], torch.zeros_like(values[:1])])
        ends = done.clone()  # where the next observation is not the next row's
        ends[-1] = True
        next_values[ends] = self.critic.predict(self.critic_state, next_obs[ends])
        advantages, returns = gae(rewards, values, next_values, terminated, done, settings.gamma, settings.gae_lambda)
        mean, scale = 0.0, 1.0
        if settings.normalize_advantages:
            mean, scale = float(advantages.mean()), float(advantages.std()) + 1e-8
        flat_obs, actions = obs.flatten(0, 1), self.tensor(rollout.actions).flatten(0, 1)
        times = self.tensor(rollout.times).flatten()
        batch = Batch(
            obs=flat_obs,
            actions=actions,
            advantages=((advantages - mean) / scale).flatten(),
            log_probs=self.policy.log_prob(self.state.theta, flat_obs, actions),
            episodes=self.tensor(rollout.episodes).flatten(),
            times=times,
            gamma=settings.gamma,
            n_envs=settings.n_envs,
            advantage_mean=mean,
            advantage_scale=scale,
            reward_scale=self.scaler.scale,
            visitation_mass=visitation_mass(times, terminated.flatten(), settings.gamma),
            normalization=rollout.normalization and self.normalization(*rollout.normalization),
        )
        explained = 1 - float((returns - values).var() / returns.var().clamp_min(1e-12))
        return batch, returns.flatten(), explained

    def normalization(self, mean: NDArray[np.float64], std: NDArray[np.float64]) -> Normalization:
        """The normaliser's constants [O] of a rollout, on the learner's device."""
        return Normalization(self.tensor(mean), self.tensor(std), CLIP)

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """The same numbers on the learner's device."""
        return torch.from_numpy(values).to(self.device)

    def update_row(
        self, rollout: Rollout, info: Info, change: Change, truth: Truth, explained: float, seen: dict[str, Any]
    ) -> UpdateRow:
        known = asdict(info) | {"trials": len(info.trials), "reuses": len(info.reuses)} | self.counters
        del known["uses"]
        columns = UpdateRow.__dataclass_fields__
        seconds: dict[str, Any] = {phase: self.clock.last[phase] for phase in PHASES if phase in columns}
        return UpdateRow(
            run_id=self.spec.run_id,
            update=self.updates,
            env_steps=self.env_steps,
            episodes=self.collector.finished,
            train_return=float(rollout.returns.mean()) if rollout.returns.size else float("nan"),
            clipped_actions=rollout.clipped_actions,
            explained_variance=explained,
            **known,
            **asdict(change),
            **asdict(truth),
            **seen,
            **seconds,
        )

    def evaluate(self, grid_step: int, give_up: Callable[[], bool], final: bool = False) -> Iterator[EvaluationRow]:
        """Judge the present policy with sampled and, where that is asked for, mean actions.

        Raises Paused if `give_up` says so.
        """
        settings = self.spec.settings
        episodes = settings.final_episodes if final else settings.eval_episodes
        with_mean = settings.eval_mean == "always" or (final and settings.eval_mean == "final")
        actions: tuple[ActionMode, ...] = ("sampled", "mean") if with_mean else ("sampled",)
        for action in actions:
            with self.clock("evaluation_s"):
                stream = "final" if final else "evaluation"
                result = self.evaluator.run(
                    self.state.theta, self.collector.normalizer, action, episodes, stream, give_up
                )
                require_within(RETURN_LIMIT, evaluated_returns=result.returns)
            yield EvaluationRow(
                run_id=self.spec.run_id,
                grid_step=grid_step,
                env_steps=self.env_steps,
                update=self.updates,
                train_s=sum(s for phase, s in self.clock.seconds.items() if phase not in NO_TRAINING),
                final=final,
                action=action,
                episodes=episodes,
                return_mean=float(result.returns.mean()),
                return_sd=float(result.returns.std(ddof=1)),
                length_mean=float(result.lengths.mean()),
                cut=result.cut,
                extras=result.info,
                gradient_evaluations=self.counters["gradient_evaluations"],
                fisher_products=self.counters["fisher_products"],
            )

    def policy_row(self) -> PolicyRow:
        """The present policy."""
        moments = self.collector.normalizer.moments
        return PolicyRow(
            run_id=self.spec.run_id,
            env_steps=self.env_steps,
            theta=text_of(self.state.theta.cpu().numpy()),
            critic=text_of(self.critic_state.theta.cpu().numpy()),
            obs_mean=text_of(moments.mean),
            obs_std=text_of(moments.std),
        )

    def close(self) -> None:
        self.collector.close()
        self.evaluator.close()
