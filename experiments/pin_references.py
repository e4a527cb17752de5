"""Measure the anchors of the scores, and pin them in analysis/references.csv.

    python experiments/pin_references.py                             every environment in the file again
    python experiments/pin_references.py --environments Hopper-v5    one of them, or a new one
    python experiments/pin_references.py --matrix mine.toml          those of a matrix file, as it makes them

Every environment has three anchors: actions drawn uniformly at random; the best fixed action (any action of a discrete
space, the middle of a continuous one); and a reference. Of the classic-control and toy-text tasks the reference is a
policy of ours (`strong_policies.py`), measured here like the rest. Of the MuJoCo tasks it is a published return: such
lines are entered by hand, and stay as they are.

Episodes and actions are seeded, returns undiscounted: an episode per seed, and REPEATS of the short ones of toy-text
tasks. An episode ends at the registered time limit. Where there is none it is cut, at each of CAPS or UNCAPPED.

Environments of a matrix file may have arguments, wrappers and code of the user's, so nothing is pinned for them: what
is measured is printed as the line `score = [...]` for the file, in which a reference remains to be filled in.
"""

import csv
import json
import math
import sys
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

try:
    from experiments import console
except ModuleNotFoundError as missing:  # this python is not that of the project's environment
    sys.exit(f"{missing} for {sys.executable}; activate the project's environment first: . .venv/bin/activate")

import gymnasium as gym
import mujoco
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from numpy.typing import NDArray
from scipy import stats

from experiments.cell import entry_points
from experiments.cell.spaces import time_limit
from experiments.matrix_file import MatrixError, load_matrix
from experiments.names import did_you_mean
from experiments.spec import RunSpec
from experiments.strong_policies import CONTROLLERS, Act, dynamic_programming

REFERENCES = Path(__file__).parents[1] / "analysis" / "references.csv"
UNCAPPED = (10_000,)  # steps at which episodes without a registered limit are cut: `eval_max_steps` of the settings
CAPS = {"CliffWalking-v1": (200, *UNCAPPED), "CliffWalkingSlippery-v1": (200, *UNCAPPED)}  # 200: our matrices
SEEDS = range(100, 200)  # of episodes: those with which one tunes
REPEATS = 10  # episodes per seed of a toy-text task, whose returns are noisy and cheap if an episode is no longer than
SHORT = 1_000  # steps
MOST = 64  # fixed actions that are tried


@dataclass(frozen=True)
class Arguments:
    environments: tuple[str, ...] = ()
    """names that gymnasium has registered, or, with --matrix, names there (default: all of the file)"""
    matrix: str | None = None
    """a matrix file, whose environments are measured and not pinned"""
    seeds: int = len(SEEDS)
    """of episodes per policy, from 2 to 100: 100, 101, ..."""


@dataclass(frozen=True)
class Anchor:
    """One line of the file: what a policy returns on average."""

    env: str
    limit: str  # steps at which an episode is cut
    registered: str  # "yes" if that is how gymnasium has it registered
    anchor: str  # random, fixed or reference
    policy: str
    kind: str  # measured or published
    mean: str
    n: str  # episodes if measured, training runs if published
    low: str  # 95 % t interval of the mean; nothing where it was not published
    high: str
    source: str


@dataclass(frozen=True)
class Task:
    """An environment whose episodes are cut at some step."""

    env: str
    limit: int
    registered: bool
    cell: RunSpec | None = None  # of a matrix file, as which it is made

    @property
    def toy(self) -> bool:
        """Whether it is one of gymnasium's toy-text tasks."""
        return self.cell is None and "toy_text" in str(gym.spec(self.env).entry_point)

    def make(self) -> gym.Env[Any, Any]:
        if self.cell is not None:
            return entry_points.made(self.cell.environment, self.cell.env_kwargs, self.cell.wrappers)
        return gym.make(self.env, disable_env_checker=True, max_episode_steps=self.limit)


def tasks_of(env: str) -> list[Task]:
    """The environment with every limit under which it is measured."""
    registered = gym.spec(env).max_episode_steps
    if registered is not None and registered > 0:  # gymnasium takes -1 for none
        return [Task(env, registered, True)]
    return [Task(env, limit, False) for limit in CAPS.get(env, UNCAPPED)]


def tasks_in(matrix: str, environments: tuple[str, ...]) -> list[Task]:
    """These environments of a matrix file, or all. Raises MatrixError and ValueError."""
    cells = {cell.env: cell for cell in load_matrix(matrix, 1).cells}
    for env in environments:
        if env not in cells:
            raise ValueError(f"{matrix} has no environment {env}; {did_you_mean(env, cells)}")
    tasks = []
    for env in environments or sorted(cells):
        cell = cells[env]
        with closing(entry_points.made(cell.environment, cell.env_kwargs, cell.wrappers)) as one:
            tasks.append(Task(env, time_limit(one) or cell.settings.eval_max_steps, False, cell))
    return tasks


def score_line(task: Task, seeds: int) -> str:
    """What to write into a matrix file under an environment, and where it is from."""
    random = measured(task, "random", "random actions", seeds, returns_of(task, seeds))
    best = max((random, fixed_action(task, seeds)), key=lambda anchor: float(anchor.mean))
    said = [f"{it.policy} {it.mean} [{it.low}, {it.high}]" for it in dict.fromkeys((random, best))]
    return (
        f"[environments.{json.dumps(task.env)}]  # {task.limit} steps, {random.n} episodes: {'; '.join(said)}\n"
        f"score = [{best.mean}, REFERENCE]  # REFERENCE: the return of a strong policy, published or your own"
    )


def returns_of(task: Task, seeds: int, act: Act | None = None) -> NDArray[np.float64]:
    """Undiscounted returns [seeds, or seeds * REPEATS] of a policy, or of uniformly random actions."""
    made = task.make()
    made.action_space.seed(SEEDS.start)
    repeats = REPEATS if task.toy and task.limit <= SHORT else 1
    starts = [seed for first in SEEDS[:seeds] for seed in (first, *[None] * (repeats - 1))]
    returns = np.zeros(len(starts))
    for episode, seed in enumerate(starts):
        obs, _ = made.reset(seed=seed)
        step, done = 0, False
        while not done and step < task.limit:
            action = made.action_space.sample() if act is None else act(obs, step)
            obs, reward, terminated, truncated, _ = made.step(action)
            returns[episode] += float(reward)
            step, done = step + 1, terminated or truncated
    made.close()
    return returns


def measured(task: Task, anchor: str, policy: str, seeds: int, returns: NDArray[np.float64]) -> Anchor:
    """A line from returns [n] of episodes with the first of SEEDS."""
    n, mean = len(returns), returns.mean()
    half = stats.t.ppf(0.975, n - 1) * returns.std(ddof=1) / np.sqrt(n)
    numbers = [f"{value:.3f}" for value in (mean, mean - half, mean + half)]
    source = f"experiments/pin_references.py; seeds {SEEDS.start}-{SEEDS[seeds - 1]}"
    where = task.env, str(task.limit), "yes" if task.registered else "no"
    return Anchor(*where, anchor, policy, "measured", numbers[0], str(n), numbers[1], numbers[2], source)


def fixed_action(task: Task, seeds: int) -> Anchor:
    """The best of the policies that do the same whatever they see."""
    made = task.make()
    try:
        actions = fixed_actions(made.action_space)
    except ValueError as error:
        raise ValueError(f"{task.env}: {error}") from error
    finally:
        made.close()
    found = {name: returns_of(task, seeds, lambda *_, a=action: a) for name, action in actions.items()}
    best = max(found, key=lambda name: float(found[name].mean()))
    return measured(task, "fixed", best, seeds, found[best])


def fixed_actions(space: Any) -> dict[str, Any]:
    """What to call it -> each action that may be done always. Raises ValueError for a space that no policy acts in."""
    if isinstance(space, Discrete):
        return {f"action {action} always": action for action in range(space.start, space.start + space.n)}
    if isinstance(space, Box):
        bounded = np.isfinite(space.low) & np.isfinite(space.high)
        low, high = (np.where(bounded, end, 0) for end in (space.low, space.high))
        middle = np.clip((low + high) / 2, space.low, space.high).astype(space.dtype)
        return {"the middle of the action space always": middle}
    if isinstance(space, MultiDiscrete | MultiBinary):
        plain: Any = MultiDiscrete(np.full(space.shape, 2)) if isinstance(space, MultiBinary) else space
        if math.prod(plain.nvec.ravel().tolist()) > MOST:
            return {"the first choice of every component always": plain.start.astype(space.dtype)}
        choices = [plain.start + np.reshape(each, space.shape) for each in product(*map(range, plain.nvec.ravel()))]
        return {f"action {each.tolist()} always": each.astype(space.dtype) for each in choices}
    raise ValueError(f"action space {space} is neither Discrete, MultiDiscrete or MultiBinary nor a Box")


def own_reference(task: Task, seeds: int) -> Anchor | None:
    """Our own policy's line; None where there is none."""
    if task.env in CONTROLLERS:
        act, name = CONTROLLERS[task.env], f"controller {CONTROLLERS[task.env].__name__}"
    else:
        made = task.make()
        if not hasattr(made.unwrapped, "P"):
            return None
        act, name = dynamic_programming(made, task.limit), "dynamic programming"
    policy = f"{name} in experiments/strong_policies.py"
    return measured(task, "reference", policy, seeds, returns_of(task, seeds, act))


def anchors_of(task: Task, seeds: int) -> list[Anchor]:
    """All that can be measured."""
    random = measured(task, "random", "uniformly random actions", seeds, returns_of(task, seeds))
    own = own_reference(task, seeds)
    return [random, fixed_action(task, seeds), *([own] if own else [])]


def read(file: Path) -> list[Anchor]:
    """The lines of the file."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [Anchor(**line) for line in csv.DictReader(lines)]


def write(file: Path, anchors: list[Anchor]) -> None:
    """The lines, by environment, each in the order random, fixed, reference."""
    order = ("random", "fixed", "reference")
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, [field.name for field in fields(Anchor)], lineterminator="\n")
        writer.writeheader()
        for anchor in sorted(anchors, key=lambda anchor: (anchor.env, int(anchor.limit), order.index(anchor.anchor))):
            writer.writerow(asdict(anchor))


def main(arguments: Arguments) -> int:
    """The exit code."""
    if arguments.matrix is not None:
        return print_scores(arguments.matrix, arguments)
    anchors = read(REFERENCES)
    unknown = [env for env in arguments.environments if env not in gym.registry]
    if unknown or not 2 <= arguments.seeds <= len(SEEDS):
        wrong = f"gymnasium has not registered {', '.join(unknown)}" if unknown else "--seeds must be from 2 to 100"
        print(wrong, file=sys.stderr)
        return 2
    mujoco.set_mju_user_warning(lambda message: None)  # it would print, and write MUJOCO_LOG.TXT into this folder
    for env in arguments.environments or sorted({anchor.env for anchor in anchors}):
        for task in tasks_of(env):
            found = anchors_of(task, arguments.seeds)
            values = (f"{anchor.anchor} {anchor.mean}" for anchor in found)
            print("; ".join([f"{env}, {task.limit} steps", *values]), flush=True)
            keys = {(anchor.env, anchor.limit, anchor.anchor) for anchor in found}
            anchors = [anchor for anchor in anchors if (anchor.env, anchor.limit, anchor.anchor) not in keys] + found
            write(REFERENCES, anchors)
    return 0


def print_scores(matrix: str, arguments: Arguments) -> int:
    """Of a matrix file's environments; the exit code."""
    try:
        if not 2 <= arguments.seeds <= len(SEEDS):
            raise ValueError("--seeds must be from 2 to 100")
        for task in tasks_in(matrix, arguments.environments):
            print(score_line(task, arguments.seeds), flush=True)
    except (MatrixError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(console.run(main, Arguments, __doc__))
