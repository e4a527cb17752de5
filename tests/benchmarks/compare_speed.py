"""Training speed beside sb3-contrib's TRPO and stable-baselines3's PPO: the same environment, network, batch and steps.

    python tests/benchmarks/compare_speed.py            (or: make compare-speed)

Ours and theirs alternate, round by round, in one process with one thread; a ratio is the median of its rounds. What is
equal: the environment and how many of them, 64x64 tanh networks for policy and critic, the batch of an update, ten
conjugate-gradient iterations, and for PPO ten epochs of minibatches of 64. What is not: each fits its critic its own
way, which is part of what a user waits for. Neither evaluates. Theirs runs on their DummyVecEnv.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import tyro

from experiments.cell.run import Run
from experiments.profile_cell import Arguments as Cell
from experiments.profile_cell import spec_for

try:
    from sb3_contrib import TRPO
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
except ImportError as missing:
    sys.exit(f"{missing}; the peers are an extra of their own: pip install -e '.[peers]'")

# rule, environment, our environments side by side, theirs (one is their default)
CASES = (
    ("trpo", "HalfCheetah-v5", 16, 16),
    ("trpo", "HalfCheetah-v5", 16, 1),
    ("trpo", "HalfCheetah-v5", 1, 1),
    ("trpo", "CartPole-v1", 16, 16),
    ("ppo", "HalfCheetah-v5", 16, 16),
)
PEERS = {"trpo": "sb3-contrib", "ppo": "stable-baselines3"}


@dataclass(frozen=True)
class Arguments:
    rounds: int = 5
    """how often each side is timed"""
    updates: int = 4
    """updates per round"""
    batch: int = 2048
    """environment steps per update"""
    csv: Path | None = None
    """where to keep the table, for instance results/reference/benchmarks/compare_speed.csv"""


def ours(rule: str, env: str, n_envs: int, batch: int) -> Callable[[int], None]:
    """A function that trains for so many updates."""
    run = Run(spec_for(Cell(rule, env, batch_size=batch, n_envs=n_envs)))

    def train(updates: int) -> None:
        for _ in range(updates):
            list(run.step())

    return train


def theirs(rule: str, env: str, n_envs: int, batch: int) -> Callable[[int], None]:
    """The same of the peer."""
    shared: dict[str, Any] = {
        "policy": "MlpPolicy",
        "env": make_vec_env(env, n_envs, seed=0),
        "n_steps": batch // n_envs,
        "policy_kwargs": {"net_arch": [64, 64]},
        "device": "cpu",
        "seed": 0,
    }
    model = TRPO(**shared, cg_max_steps=10) if rule == "trpo" else PPO(**shared, batch_size=64, n_epochs=10)

    def train(updates: int) -> None:
        model.learn(updates * batch, reset_num_timesteps=False)

    return train


def compare(rule: str, env: str, counts: tuple[int, int], arguments: Arguments) -> dict[str, Any]:
    """A row of the table: steps/s of both sides (medians), and the ratios of the rounds."""
    sides = [make(rule, env, n, arguments.batch) for make, n in zip((ours, theirs), counts, strict=True)]
    for side in sides:
        side(1)
    rates: list[list[float]] = [[], []]
    for _ in range(arguments.rounds):
        for side, rate in zip(sides, rates, strict=True):
            start = time.perf_counter()
            side(arguments.updates)
            rate.append(arguments.updates * arguments.batch / (time.perf_counter() - start))
    ratios = [our / their for our, their in zip(*rates, strict=True)]
    return {
        "rule": rule,
        "env": env,
        "ours": statistics.median(rates[0]),
        "our_envs": counts[0],
        "peer": PEERS[rule],
        "theirs": statistics.median(rates[1]),
        "their_envs": counts[1],
        "ratio": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
    }


def main(arguments: Arguments) -> None:
    torch.set_num_threads(1)
    print(f"training steps per second, batch {arguments.batch}, one thread; in brackets environments side by side")
    rows = []
    for rule, env, *counts in CASES:
        rows.append(compare(rule, env, (counts[0], counts[1]), arguments))
        print(
            "{rule}, {env}: {ours:,.0f} ({our_envs}), {peer} {theirs:,.0f} ({their_envs}); "
            "ratio {ratio:.1f} ({lowest:.1f} to {highest:.1f})".format_map(rows[-1]),
            flush=True,
        )
    if arguments.csv is not None:
        pd.DataFrame(rows).to_csv(arguments.csv, index=False, float_format="%.6g")


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
