"""Small tasks with uncommon spaces, reachable as "space_environments:NAME" when this folder is on the path."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete


class Task(gym.Env[Any, Any]):
    """Ten steps; what is observed is drawn anew at each."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps, self.state = 0, int(self.np_random.integers(3))
        return self.obs(), {}

    def step(self, action: Any) -> Any:
        reward = self.reward(action)
        self.steps, self.state = self.steps + 1, int(self.np_random.integers(3))
        return self.obs(), reward, False, self.steps >= 10, {}

    def obs(self) -> Any:
        raise NotImplementedError

    def reward(self, action: Any) -> float:
        raise NotImplementedError


class Choices(Task):
    """Two choices: the first is to be the state, the second always the last one."""

    observation_space = Dict({"state": Discrete(3), "noise": MultiBinary(2)})
    action_space = MultiDiscrete([3, 4], start=[1, 0])

    def obs(self) -> Any:
        return {"state": np.int64(self.state), "noise": self.np_random.integers(0, 2, 2).astype(np.int8)}

    def reward(self, action: Any) -> float:
        assert self.action_space.contains(action), action
        return float(action[0] == self.state + 1) + float(action[1] == 3)


class Reach(Task):
    """A number is to be three quarters of the way from low to high; the reward is -1 for half of that way off."""

    observation_space = Box(0, 1, (1,))

    def __init__(self, low: float = 50.0, high: float = 100.0) -> None:
        self.action_space = Box(low, high, (1,))

    def obs(self) -> Any:
        return np.zeros(1, np.float32)

    def reward(self, action: Any) -> float:
        assert self.action_space.contains(action), action
        low, high = float(self.action_space.low[0]), float(self.action_space.high[0])
        return -abs((float(action[0]) - low) / (high - low) - 0.75) * 2


class Photographs(Task):
    """A picture of the state in grey, and of the number of steps; the action is to be the state."""

    observation_space = Box(0, 255, (4, 3, 1), np.uint8)
    action_space = Discrete(3)

    def __init__(self, kind: str = "uint8") -> None:
        self.kind = kind

    def obs(self) -> Any:
        picture = np.full((4, 3, 1), 10 * self.steps, self.kind)
        picture[:, self.state] = 255
        return picture

    def reward(self, action: Any) -> float:
        return float(action == self.state)


class Grid(Task):
    """Real numbers in rows and columns."""

    observation_space = Box(-1, 1, (2, 3))
    action_space = Discrete(2)

    def obs(self) -> Any:
        return np.arange(6).reshape(2, 3) / 10.0 + self.state

    def reward(self, action: Any) -> float:
        return 0.0


for task in (Choices, Reach, Photographs, Grid):
    gym.register(f"{task.__name__}-v0", entry_point=task)
