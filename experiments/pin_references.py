"""Measure the random level of environments, and pin it in analysis/references.csv.

    python experiments/pin_references.py                             every environment in the file again
    python experiments/pin_references.py --environments Hopper-v5    one of them, or a new one

Random actions are uniform on the action space, episodes and actions are seeded, returns undiscounted. The reference is
gymnasium's registered `reward_threshold`; Pendulum-v1 has none, and is measured with the controller below.
"""

import csv
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np
import tyro
from numpy.typing import NDArray
from scipy import stats

REFERENCES = Path(__file__).parents[1] / "analysis" / "references.csv"
COLUMNS = ["env"] + [f"{kind}{part}" for kind in ("random", "reference") for part in ("", "_n", "_ci_low", "_ci_high")]
COLUMNS += ["source"]


@dataclass(frozen=True)
class Arguments:
    environments: tuple[str, ...] = ()
    """names that gymnasium has registered (default: those in the file)"""
    episodes: int = 100
    """episodes per environment, at least 2"""
    seed: int = 0
    """of the first episode; the others follow"""


def returns_of(env: str, episodes: int, seed: int, act: Callable[[Any], Any] | None = None) -> NDArray[np.float64]:
    """Undiscounted returns [episodes] of `act` (observation -> action), or of uniformly random actions."""
    made = gym.make(env, disable_env_checker=True)
    made.action_space.seed(seed)
    returns = np.zeros(episodes)
    for episode in range(episodes):
        obs, _ = made.reset(seed=seed + episode)
        done = False
        while not done:
            obs, reward, terminated, truncated, _ = made.step(made.action_space.sample() if act is None else act(obs))
            returns[episode] += float(reward)
            done = terminated or truncated
    made.close()
    return returns


def swing_up(obs: NDArray[Any]) -> NDArray[np.float32]:
    """Pendulum-v1: pump energy until the pole stands nearly upright, then hold it by a proportional-derivative law.

    Energy shaping after Astrom and Furuta 2000. Mass and length are 1, gravity 10, so the energy below that of rest
    upright is w^2 / 6 + 5 (cos - 1). Gains by hand.
    """
    cos, sin, w = (float(x) for x in obs)
    if cos > 0.9 and abs(w) < 4:
        torque = -10 * math.atan2(sin, cos) - 2 * w
    else:
        torque = -5 * (w * w / 6 + 5 * (cos - 1)) * (math.copysign(1.0, w))
    return np.array([min(max(torque, -2.0), 2.0)], dtype=np.float32)


def measured(kind: str, returns: NDArray[np.float64]) -> dict[str, str]:
    """The columns of one kind: mean, number and 95 % t interval of returns [n]."""
    n, mean = len(returns), returns.mean()
    half = stats.t.ppf(0.975, n - 1) * returns.std(ddof=1) / np.sqrt(n)
    numbers = {kind: mean, f"{kind}_ci_low": mean - half, f"{kind}_ci_high": mean + half}
    return {name: f"{value:.3f}" for name, value in numbers.items()} | {f"{kind}_n": str(n)}


def row_of(env: str, episodes: int, seed: int) -> dict[str, str]:
    """One line of the file."""
    row = {**dict.fromkeys(COLUMNS, ""), "env": env, "source": "none: give `score` in the matrix file"}
    row |= measured("random", returns_of(env, episodes, seed))
    threshold = gym.spec(env).reward_threshold
    if env == "Pendulum-v1":
        row |= measured("reference", returns_of(env, episodes, seed, swing_up))
        row["source"] = "energy-shaping controller in experiments/pin_references.py"
    elif threshold is not None:
        row |= {"reference": f"{threshold:g}", "source": "gymnasium reward_threshold"}
    return row


def main(arguments: Arguments) -> int:
    """The exit code."""
    with REFERENCES.open(encoding="utf-8", newline="") as lines:
        rows = {row["env"]: row for row in csv.DictReader(lines)}
    unknown = [env for env in arguments.environments if env not in gym.registry]
    if arguments.episodes < 2 or unknown:
        wrong = f"gymnasium has not registered {', '.join(unknown)}" if unknown else "--episodes must be at least 2"
        print(wrong, file=sys.stderr)
        return 2
    mujoco.set_mju_user_warning(lambda message: None)  # it would print, and write MUJOCO_LOG.TXT into this folder
    for env in arguments.environments or sorted(rows):
        rows[env] = row_of(env, arguments.episodes, arguments.seed)
        print(f"{env}: random {rows[env]['random']}, reference {rows[env]['reference'] or 'unknown'}", flush=True)
    with REFERENCES.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[env] for env in sorted(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
