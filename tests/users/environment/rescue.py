"""A rescue on a grid: two motors with three gears each, and a camera beside a radio."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Rescue(gym.Env[dict[str, Any], Any]):
    def __init__(self, size: int = 5) -> None:
        self.size = size
        self.observation_space = spaces.Dict(
            {
                "place": spaces.Box(0, size - 1, (2,), np.int64),
                "radio": spaces.Discrete(4),
                "lamps": spaces.MultiBinary(3),
            }
        )
        self.action_space = spaces.MultiDiscrete([3, 3])

    def seen(self) -> dict[str, Any]:
        lamps = np.array([self.place[0] == self.goal[0], self.place[1] == self.goal[1], 1], np.int8)
        ahead = self.goal > self.place
        return {"place": self.place.copy(), "radio": np.int64(2 * ahead[0] + ahead[1]), "lamps": lamps}

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        super().reset(seed=seed)
        self.place, self.goal = self.np_random.integers(0, self.size, (2, 2))
        self.steps = 0
        return self.seen(), {}

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        self.place = np.clip(self.place + np.asarray(action) - 1, 0, self.size - 1)
        self.steps += 1
        found = bool((self.place == self.goal).all())
        return self.seen(), 1.0 if found else -0.1, found, self.steps >= 20, {"success": found}
