"""Where the CPU time of a cell goes, beside what the simulator alone would take in the same minute.

python -m experiments.profile_cell trpo HalfCheetah-v5
python -m experiments.profile_cell ppo Hopper-v5 --updates 50 --batch-size 1024
python -m experiments.profile_cell trpo mine.py:Mine --matrix mine.toml
"""

import sys
import time
from dataclasses import dataclass

import mujoco
import numpy as np
import torch
import tyro
from gymnasium.envs.mujoco import MujocoEnv
from rich.console import Console
from rich.table import Table

from experiments import console
from experiments.cell.clock import Clock
from experiments.cell.run import Run
from experiments.cell.spaces import make_environment
from experiments.matrix_file import MatrixError
from experiments.named_cell import cell_of, cells_of
from experiments.names import did_you_mean
from experiments.records import PHASES
from experiments.spec import RunSpec, Settings, altered


@dataclass(frozen=True)
class Arguments:
    rule: tyro.conf.Positional[str]
    """a rule, or FILE.py:FUNCTION, with its default hyper-parameters; with --matrix a label of its own"""
    env: tyro.conf.Positional[str]
    """as gymnasium has registered it, MODULE:ID or FILE.py:CLASS; with --matrix a name of its own"""
    updates: int = 20
    """updates to time, after one that is not"""
    batch_size: int | None = None
    """environment steps per update (default: as settings are)"""
    n_envs: int | None = None
    """environments stepped side by side (default: as settings are)"""
    matrix: str | None = None
    """a shipped matrix or a TOML file whose rules, environments and settings stand for the defaults"""


def simulator_rate(spec: RunSpec, steps: int) -> float:
    """Environment steps per CPU second that the simulator alone makes on one thread, with random actions.

    MuJoCo: bare `mj_step` with the task's frame skip. Anything else: the environment in its wrappers, resets included.
    """
    made = make_environment(spec.environment, spec.env_kwargs, spec.wrappers)
    made.reset(seed=0)
    made.action_space.seed(0)
    actions = [made.action_space.sample() for _ in range(steps)]
    bare = made.unwrapped
    if isinstance(bare, MujocoEnv):
        start = time.process_time()
        for action in actions:
            bare.data.ctrl[:] = action
            mujoco.mj_step(bare.model, bare.data, nstep=bare.frame_skip)
    else:
        start = time.process_time()
        for action in actions:
            _, _, terminated, truncated, _ = made.step(action)
            if terminated or truncated:
                made.reset()
    seconds = time.process_time() - start
    made.close()
    return steps / seconds


@dataclass(frozen=True)
class Profile:
    """CPU seconds per update by phase, and the simulator's own rate measured between the updates."""

    seconds: dict[str, float]
    total: float
    steps_per_s: float  # median
    simulator_steps_per_s: float  # median
    ratio: float  # median of training rate / simulator rate, each pair measured one after the other


def profile(spec: RunSpec, updates: int, calibration_steps: int = 4000) -> Profile:
    """Time `updates` updates of a cell, evaluation apart. Each is preceded by a measurement of the simulator alone."""
    run = Run(spec)
    list(run.step())
    run.clock = Clock(time.process_time)
    totals, rates = [], []
    for _ in range(updates):
        rates.append(simulator_rate(spec, calibration_steps))
        start = time.process_time()
        list(run.step())
        totals.append(time.process_time() - start)
    run.close()
    seconds = {phase: run.clock.seconds[phase] / updates for phase in PHASES if phase in run.clock.seconds}
    seconds["other_s"] = float(np.mean(totals)) - sum(seconds.values())
    trained = spec.settings.batch_size / np.array(totals)
    return Profile(
        seconds,
        float(np.mean(totals)),
        float(np.median(trained)),
        float(np.median(rates)),
        float(np.median(trained / np.array(rates))),
    )


def spec_for(arguments: Arguments) -> RunSpec:
    """The cell to profile. Raises ValueError with what to name instead, and MatrixError."""
    if arguments.matrix is None:
        cell = cell_of(arguments.rule, arguments.env)
    else:
        known = cells_of(arguments.env, arguments.matrix)
        if arguments.rule not in known:
            raise ValueError(f"{arguments.matrix} has no rule {arguments.rule}; {did_you_mean(arguments.rule, known)}")
        cell = known[arguments.rule]
    given = {"batch_size": arguments.batch_size, "n_envs": arguments.n_envs, "evaluations": 1}
    changes = {name: value for name, value in given.items() if value is not None}
    settings = Settings(**{name: getattr(cell.settings, name) for name in Settings.model_fields} | changes)
    return altered(cell, settings=settings, budget=settings.batch_size * (arguments.updates + 1))


def main(arguments: Arguments) -> int:
    """The exit code."""
    torch.set_num_threads(1)
    if arguments.updates < 1:
        print(f"--updates must be at least 1, got {arguments.updates}", file=sys.stderr)
        return 2
    try:
        spec = spec_for(arguments)
    except (ValueError, MatrixError) as error:
        print(error, file=sys.stderr)
        return 2
    found = profile(spec, arguments.updates)
    table = Table(title=f"{spec.label} on {spec.env}", min_width=40)
    table.add_column("phase")
    table.add_column("CPU ms per update", justify="right")
    table.add_column("share", justify="right")
    for phase, seconds in found.seconds.items():
        table.add_row(phase.removesuffix("_s"), f"{1000 * seconds:.1f}", f"{seconds / found.total:.0%}")
    Console().print(table)
    over = found.seconds["rollout_s"] / spec.settings.batch_size * found.simulator_steps_per_s
    print(
        f"a rollout takes {over:.2f} of the time that the simulator alone would\n"
        f"batch {spec.settings.batch_size}, {spec.settings.n_envs} environments: trains at {found.steps_per_s:,.0f} "
        f"steps/s, {found.ratio:.2f} of the simulator alone ({found.simulator_steps_per_s:,.0f} steps/s)\n"
        f"per CPU second, evaluation apart; medians over {arguments.updates} updates, one thread"
    )
    return 0


if __name__ == "__main__":
    sys.exit(console.run(main, Arguments, __doc__))
