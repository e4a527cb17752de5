"""gymnasium's own environments, stepped by compiled code.

Equal to gymnasium's bit for bit (tests/experiments/cell/lean/), and only taken where they are provably what gymnasium
ships (stock.py).
"""

import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import gymnasium as gym
import mujoco
import numba
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from experiments.cell.compiled import compiled
from experiments.cell.failures import EnvironmentFailed, raised_as
from experiments.cell.gym_environments import ActionDistribution, GymEnvironments, Step, require_numbers
from experiments.cell.lean import classic_tasks, loop, mujoco_tasks
from experiments.cell.lean.loop import FINE, Copies
from experiments.cell.lean.native import inline, specialized
from experiments.cell.lean.simulator import ONE_AT_A_TIME, SimulatorError, error_text, world_of, worlds_of
from experiments.cell.stock import alike, have_stock_models, stock_type

OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}


def lean_environments(
    made: list[gym.Env[Any, Any]], distribution: ActionDistribution = "gaussian"
) -> "LeanEnvironments | None":
    """These stepped by compiled code, if every one of them is known and as gymnasium ships it; else None."""
    lean = _known(made, distribution)
    return lean if lean is not None and agrees_with_gymnasium(lean) else None


def _known(made: list[gym.Env[Any, Any]], distribution: ActionDistribution) -> "LeanEnvironments | None":
    known = stock_type(made)
    if known is None or not alike(made):
        return None
    bare: Any = made[0].unwrapped
    if bare.render_mode is not None:
        return None
    if known in classic_tasks.TASKS and classic_tasks.has_known_dynamics(bare):
        return LeanClassic(made, distribution, classic_tasks.TASKS[known])
    task = mujoco_tasks.task_of(known)
    return LeanMujoco(made, distribution, task) if task is not None and have_stock_models(made) else None


def agrees_with_gymnasium(lean: "LeanEnvironments", steps: int = 5) -> bool:
    """Whether some steps give the same bits both ways, with these libraries and this processor.

    Takes the first copy, which is to be reset afterwards.
    """
    env, space, generator = lean.made[0], lean.action_space, np.random.default_rng(0)
    actions: list[Any] = [
        generator.uniform(space.low, space.high).astype(np.float32) if isinstance(space, Box) else generator.integers(2)
        for _ in range(steps)
    ]
    expected = [lean._observation(env.reset(seed=0)[0])]
    for action in actions:
        obs, reward, terminated, truncated, _ = env.step(action)
        expected += [lean._observation(obs), np.array([reward, terminated, truncated], np.float64)]
        if terminated or truncated:
            break
    found = [lean.reset(0, seed=0)]
    while len(found) < len(expected):
        stepped, *rest = lean.step(np.array([actions[len(found) // 2]]), [0])
        found += [stepped[0], np.array([value[0] for value in rest], np.float64)]
    if all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True)):
        return True
    print(f"{type(env.unwrapped).__name__} is stepped by gymnasium: compiled, its numbers differ here", file=sys.stderr)
    return False


class LeanEnvironments(GymEnvironments):
    """Resets and generators are the environments' own; the step and the count for the time limit are not."""

    task: Any  # compiled (constants, simulation, action, obs) -> reward, terminated
    view: Any  # compiled (simulations, which) -> simulation

    def __init__(
        self, made: list[gym.Env[Any, Any]], distribution: ActionDistribution, simulations: Any, constants: Any
    ) -> None:
        super().__init__(made, distribution)
        self._kernels: dict[tuple[str, Any, int], Any] = {}
        elapsed = np.zeros(self.n, dtype=np.int64)
        self.copies = Copies(simulations, constants, elapsed, self.time_limit or np.iinfo(np.int64).max)

    def reset(self, which: int, seed: int | None = None) -> NDArray[np.float64]:
        self.copies.elapsed[which] = 0
        return super().reset(which, seed)

    @raised_as(EnvironmentFailed)  # of what MuJoCo raises
    def step(self, actions: NDArray[Any], which: Sequence[int]) -> Step:
        m = len(which)
        lanes = np.fromiter(which, np.int64, m)
        kind = np.float32 if self.bounds is not None else np.int64
        commands = np.ascontiguousarray(actions, dtype=kind)
        obs, rewards = np.empty((m, self.observations.size)), np.empty(m)
        terminated, truncated = np.empty((2, m), dtype=bool)
        if self.call("step", None, 0, self.copies, lanes, commands, obs, rewards, terminated, truncated) != FINE:
            require_numbers(actions, observation=obs, reward=rewards)
        return obs, rewards, terminated, truncated

    def call(self, name: str, act: Any, layers: int, *arguments: Any) -> Any:
        """The result of a function of `loop.py`, for a network of so many layers, on which types depend alone.

        Raises mujoco.FatalError where the simulator calls an error.
        """
        key = name, act, layers
        if key not in self._kernels:  # to ask for the types takes longer than the call
            types = tuple(numba.typeof(argument) for argument in arguments)
            self._kernels[key] = kernel_of(name, self.task, self.view, act, types)
        with ONE_AT_A_TIME:
            try:
                return self._kernels[key](*arguments)
            except SimulatorError:
                raise mujoco.FatalError(error_text()) from None


@cache
def kernel_of(name: str, task: Any, view: Any, act: Any, signature: tuple[Any, ...]) -> Any:
    """A function of `loop.py` for a task and a way to act, compiled for arguments of these types."""
    parts = {
        "take_step": inline(specialized(loop._take_step, task=task, view=view)),
        "outputs_of": inline(loop._outputs_of),
    } | ({} if act is None else {"act": act})
    function = specialized(getattr(loop, name), **parts)
    function.__qualname__ += f"_{task.__name__}"
    return compiled(function, signature, **OPTIONS)


class LeanClassic(LeanEnvironments):
    """Classic control."""

    view = staticmethod(classic_tasks.state_of)

    def __init__(
        self, made: list[gym.Env[Any, Any]], distribution: ActionDistribution, known: classic_tasks.Classic
    ) -> None:
        self._bare: list[Any] = [env.unwrapped for env in made]
        self._states = np.zeros((len(made), known.size))
        self.task = known.task
        super().__init__(made, distribution, self._states, classic_tasks.constants_of(self._bare[0], known.constants))

    def reset(self, which: int, seed: int | None = None) -> NDArray[np.float64]:
        first = super().reset(which, seed)
        state = self._bare[which].state
        self._states[which] = 0
        self._states[which, : len(state)] = state
        return first


class LeanMujoco(LeanEnvironments):
    """The step goes straight to `mj_step`; the rest is computed by the task's formulas."""

    view = staticmethod(world_of)

    def __init__(self, made: list[gym.Env[Any, Any]], distribution: ActionDistribution, task: Any) -> None:
        bare: list[Any] = [env.unwrapped for env in made]
        self.task = task
        worlds = worlds_of(bare[0].model, [env.data for env in bare], bare[0].frame_skip)
        super().__init__(made, distribution, worlds, mujoco_tasks.constants_of(bare[0]))
