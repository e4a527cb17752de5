"""Environments that misbehave, reachable as "fake_environments:NAME" when this folder is on the path."""

import os
import random
import subprocess
import threading
import time
from pathlib import Path
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


class Awkward(Counting):
    """Does something in its constructor that whoever makes it would rather not share."""

    def __init__(self, how: str = "") -> None:
        super().__init__()
        if how == "raises":
            raise RuntimeError("no licence")
        if how == "exits":
            raise SystemExit(3)
        if how == "starves":
            raise MemoryError
        if how == "aborts":
            print("it was the driver", flush=True)
            os.abort()
        if how == "prints":
            print("x" * 2**22, flush=True)
        if how == "hangs":
            time.sleep(3600)
        if how == "thread":
            threading.Thread(target=time.sleep, args=(3600,)).start()
        if how == "moves":
            os.chdir("/")
        if how == "forks":
            helper = subprocess.Popen(["sleep", "3600"])
            Path(os.environ["HELPER"]).write_text(str(helper.pid))


class Stuck(Counting):
    """Cannot be closed."""

    def close(self) -> None:
        raise RuntimeError("stuck")


class Endless(Counting):
    """No episode ever ends, and there is no time limit. `slow` seconds for each step."""

    def __init__(self, slow: float = 0.0) -> None:
        super().__init__(length=10**9)
        self.slow = slow

    def step(self, action: Any) -> Any:
        time.sleep(self.slow)
        return super().step(action)


class Gambling(Counting):
    """Pays what python's, numpy's and torch's global generators draw."""

    def step(self, action: Any) -> Any:
        import torch  # most that make an environment of this file do without

        obs, _, terminated, truncated, info = super().step(action)
        drawn = random.random() + np.random.random() + torch.rand(()).item()  # noqa: NPY002
        return obs, drawn, terminated, truncated, info

    def _obs(self) -> Any:
        return np.array([self.steps, 0.0])  # no count of episodes, which would begin again in a process that goes on


class Chatty(Counting):
    """Prints a kilobyte at every step."""

    def step(self, action: Any) -> Any:
        print("x" * 1023)
        return super().step(action)


class Reports(Counting):
    """Says at every step how many there were, and whether its episode's number is even."""

    def step(self, action: Any) -> Any:
        obs, reward, terminated, truncated, _ = super().step(action)
        info = {"at": self.steps, "success": self.episode % 2 == 0, "text": "far"}
        return obs, reward, terminated, truncated, info | ({} if terminated else {"rare": 1.0})


FAKES = (Counting, Raises, TellsItsCores, Aborts, Hangs, NanReward, Generous, Greedy)
for fake in (*FAKES, Awkward, Stuck, Endless, Gambling, Chatty, Reports):
    gym.register(fake.__name__ + "-v0", entry_point=fake)
