"""Measure the random level of environments, and pin it in analysis/references.csv.

    python experiments/pin_references.py                             every environment in the file again
    python experiments/pin_references.py --environments Hopper-v5    one of them, or a new one

Actions are uniform on the action space (gymnasium's `sample`), episodes and actions are seeded, returns are
undiscounted. The reference columns are left as they are; a new environment starts with gymnasium's `reward_threshold`,
where it has one.
"""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import mujoco
import numpy as np
import tyro
from numpy.typing import NDArray
from scipy import stats

REFERENCES = Path(__file__).parents[1] / "analysis" / "references.csv"
COLUMNS = (
    "env", "random", "random_n", "random_ci_low", "random_ci_high",
    "reference", "reference_n", "reference_ci_low", "reference_ci_high", "source",
)  # fmt: skip


@dataclass(frozen=True)
class Arguments:
    environments: tuple[str, ...] = ()
    """names that gymnasium has registered (default: those in the file)"""
    episodes: int = 100
    """episodes per environment, at least 2"""
    seed: int = 0
    """of the first episode; the others follow"""


def random_returns(env: str, episodes: int, seed: int) -> NDArray[np.float64]:
    """Undiscounted returns [episodes] of uniformly random actions."""
    made = gym.make(env, disable_env_checker=True)
    made.action_space.seed(seed)
    returns = np.zeros(episodes)
    for episode in range(episodes):
        made.reset(seed=seed + episode)
        done = False
        while not done:
            _, reward, terminated, truncated, _ = made.step(made.action_space.sample())
            returns[episode] += float(reward)
            done = terminated or truncated
    made.close()
    return returns


def measured(returns: NDArray[np.float64]) -> dict[str, str]:
    """The random columns: mean, number and 95 % t interval of returns [n]."""
    n, mean = len(returns), returns.mean()
    half = stats.t.ppf(0.975, n - 1) * returns.std(ddof=1) / np.sqrt(n)
    numbers = {"random": mean, "random_ci_low": mean - half, "random_ci_high": mean + half}
    return {name: f"{value:.3f}" for name, value in numbers.items()} | {"random_n": str(n)}


def new_row(env: str) -> dict[str, str]:
    """A row whose reference is gymnasium's, or still to be measured."""
    threshold = gym.spec(env).reward_threshold
    known = {"reference": "", "source": "no reward_threshold is registered; not yet measured"}
    if threshold is not None:
        known = {"reference": f"{threshold:g}", "source": "gymnasium reward_threshold"}
    return {**dict.fromkeys(COLUMNS, ""), "env": env, **known}


def main(arguments: Arguments) -> int:
    """The exit code."""
    if arguments.episodes < 2:
        print(f"--episodes must be at least 2, got {arguments.episodes}", file=sys.stderr)
        return 2
    with REFERENCES.open(encoding="utf-8", newline="") as lines:
        rows = {row["env"]: row for row in csv.DictReader(lines)}
    unknown = [env for env in arguments.environments if env not in gym.registry]
    if unknown:
        print(f"gymnasium has not registered {', '.join(unknown)}", file=sys.stderr)
        return 2
    mujoco.set_mju_user_warning(lambda message: None)  # it would print, and write MUJOCO_LOG.TXT into this folder
    for env in arguments.environments or sorted(rows):
        rows[env] = rows.get(env, new_row(env)) | measured(random_returns(env, arguments.episodes, arguments.seed))
        print(
            f"{env}: random {rows[env]['random']} [{rows[env]['random_ci_low']}, {rows[env]['random_ci_high']}]",
            flush=True,
        )
    with REFERENCES.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[env] for env in sorted(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
