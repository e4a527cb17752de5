"""Environments that misbehave, reachable as "fake_environments:NAME" when this folder is on the path."""

import os
import time
from typing import Any

import gymnasium as gym
import numpy as np


class Counting(gym.Env[Any, Any]):
    """obs = [steps so far, episode number]; reward 1; ends after `length` steps, truncated or terminated."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,))
    action_space = gym.spaces.Discrete(2)

    def __init__(self, length: int = 5, truncate: bool = False) -> None:
        self.length, self.truncate, self.episode = length, truncate, -1

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps, self.episode = 0, self.episode + 1
        return self._obs(), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        over = self.steps >= self.length
        return self._obs(), 1.0, over and not self.truncate, over and self.truncate, {}

    def _obs(self) -> Any:
        return np.array([self.steps, self.episode], dtype=np.float64)


class Raises(Counting):
    def step(self, action: Any) -> Any:
        raise RuntimeError("the simulator is on fire")


class TellsItsCores(Counting):
    def step(self, action: Any) -> Any:
        raise RuntimeError(f"cores {sorted(os.sched_getaffinity(0))}")


class Aborts(Counting):
    def step(self, action: Any) -> Any:
        os.abort()


class Hangs(Counting):
    def step(self, action: Any) -> Any:
        time.sleep(3600)


class NanReward(Counting):
    def step(self, action: Any) -> Any:
        obs, _, terminated, truncated, info = super().step(action)
        return obs, float("nan"), terminated, truncated, info


class Generous(Counting):
    def __init__(self, reward: float, length: int = 20) -> None:
        super().__init__(length)
        self.reward = reward

    def step(self, action: Any) -> Any:
        obs, _, terminated, truncated, info = super().step(action)
        return obs, self.reward, terminated, truncated, info


class Greedy(Counting):
    def step(self, action: Any) -> Any:
        return np.ones(2**34), 1.0, False, False, {}


for fake in (Counting, Raises, TellsItsCores, Aborts, Hangs, NanReward, Generous, Greedy):
    gym.register(fake.__name__ + "-v0", entry_point=fake)
