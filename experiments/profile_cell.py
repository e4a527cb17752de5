"""Where the time of a cell goes, beside what the simulator alone would take in the same minute.

python -m experiments.profile_cell trpo HalfCheetah-v5
python -m experiments.profile_cell ppo Hopper-v5 --updates 50 --batch-size 1024
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np
import torch
import tyro
from gymnasium.envs.mujoco import MujocoEnv
from numpy.typing import NDArray
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from algos.rules import RULES
from experiments.cell.environments import Environments
from experiments.cell.gym_environments import Step
from experiments.cell.run import Run
from experiments.cell.spaces import make_environment
from experiments.records import PHASES
from experiments.spec import RunSpec, Settings, hyper_parameters


@dataclass(frozen=True)
class Arguments:
    rule: tyro.conf.Positional[str]
    """a rule of RULES, with its default hyper-parameters"""
    env: tyro.conf.Positional[str]
    """any environment that gymnasium has registered"""
    updates: int = 20
    """updates to time, after one that is not"""
    batch_size: int = Settings().batch_size
    """environment steps per update"""
    n_envs: int = Settings().n_envs
    """environments stepped side by side"""


class TimedEnvironments:
    """Environments whose steps and resets are timed."""

    def __init__(self, timed: Environments) -> None:
        self._timed, self.seconds = timed, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._timed, name)

    def reset(self, which: int, seed: int | None = None) -> NDArray[np.float64]:
        start = time.perf_counter()
        obs = self._timed.reset(which, seed)
        self.seconds += time.perf_counter() - start
        return obs

    def step(self, actions: NDArray[Any], which: Sequence[int]) -> Step:
        start = time.perf_counter()
        outcome = self._timed.step(actions, which)
        self.seconds += time.perf_counter() - start
        return outcome


def simulator_rate(env: str, steps: int) -> float:
    """Environment steps per second that the simulator alone makes on one thread, with random actions.

    MuJoCo: bare `mj_step` with the task's frame skip. Anything else: gymnasium's own environment, resets included.
    """
    made = make_environment(env, {})
    made.reset(seed=0)
    made.action_space.seed(0)
    actions = [made.action_space.sample() for _ in range(steps)]
    bare = made.unwrapped
    if isinstance(bare, MujocoEnv):
        start = time.perf_counter()
        for action in actions:
            bare.data.ctrl[:] = action
            mujoco.mj_step(bare.model, bare.data, nstep=bare.frame_skip)
    else:
        start = time.perf_counter()
        for action in actions:
            _, _, terminated, truncated, _ = made.step(action)
            if terminated or truncated:
                made.reset()
    seconds = time.perf_counter() - start
    made.close()
    return steps / seconds


@dataclass(frozen=True)
class Profile:
    """Seconds per update by phase, and the simulator's own rate measured between the updates."""

    seconds: dict[str, float]
    stepping: float  # of the rollout
    total: float
    steps_per_s: float  # median
    simulator_steps_per_s: float  # median
    ratio: float  # median of training rate / simulator rate, each pair measured one after the other


def profile(spec: RunSpec, updates: int, calibration_steps: int = 4000) -> Profile:
    """Time `updates` updates of a cell, evaluation apart. Each is preceded by a measurement of the simulator alone."""
    run = Run(spec)
    list(run.step())
    timed = TimedEnvironments(run.collector.environments)
    run.collector.environments = timed
    run.clock.seconds.clear()
    totals, rates = [], []
    for _ in range(updates):
        rates.append(simulator_rate(spec.env, calibration_steps))
        start = time.perf_counter()
        list(run.step())
        totals.append(time.perf_counter() - start)
    run.close()
    seconds = {phase: run.clock.seconds[phase] / updates for phase in PHASES if phase in run.clock.seconds}
    seconds["other_s"] = float(np.mean(totals)) - sum(seconds.values())
    trained = spec.settings.batch_size / np.array(totals)
    return Profile(
        seconds,
        timed.seconds / updates,
        float(np.mean(totals)),
        float(np.median(trained)),
        float(np.median(rates)),
        float(np.median(trained / np.array(rates))),
    )


def spec_for(arguments: Arguments) -> RunSpec:
    """The cell with default hyper-parameters, seed 0. Raises ValueError with what to name instead."""
    if arguments.rule not in RULES:
        raise ValueError(f"{arguments.rule} is no rule; expected one of {', '.join(RULES)}")
    if arguments.env not in gym.registry:
        raise ValueError(f"{arguments.env} is no environment that gymnasium has registered")
    settings = Settings(batch_size=arguments.batch_size, n_envs=arguments.n_envs, evaluations=1)
    hyper = {name: p.default for name, p in hyper_parameters(arguments.rule).items()}
    return RunSpec(
        env=arguments.env,
        env_kwargs={},
        rule=arguments.rule,
        label=arguments.rule,
        hyper=hyper,
        seed=0,
        budget=arguments.batch_size * (arguments.updates + 1),
        settings=settings,
    )


def main(arguments: Arguments) -> int:
    """The exit code."""
    torch.set_num_threads(1)
    if arguments.updates < 1:
        print(f"--updates must be at least 1, got {arguments.updates}", file=sys.stderr)
        return 2
    try:
        spec = spec_for(arguments)
    except (ValueError, ValidationError) as error:
        print(error, file=sys.stderr)
        return 2
    found = profile(spec, arguments.updates)
    table = Table(title=f"{spec.rule} on {spec.env}", min_width=40)
    table.add_column("phase")
    table.add_column("ms per update", justify="right")
    table.add_column("share", justify="right")
    for phase, seconds in found.seconds.items():
        parts = [(phase.removesuffix("_s"), seconds)]
        if phase == "rollout_s":
            parts += [("  environments", found.stepping), ("  acting, bookkeeping", seconds - found.stepping)]
        for name, part in parts:
            table.add_row(name, f"{1000 * part:.1f}", f"{part / found.total:.0%}")
    Console().print(table)
    print(
        f"batch {arguments.batch_size}, {arguments.n_envs} environments: trains at {found.steps_per_s:,.0f} steps/s, "
        f"{found.ratio:.2f} of the simulator alone ({found.simulator_steps_per_s:,.0f} steps/s)\n"
        f"evaluation apart; medians over {arguments.updates} updates, one thread"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
