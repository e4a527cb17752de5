"""Every action is held for a few steps."""

import gymnasium as gym


class Hold(gym.Wrapper):
    def __init__(self, env, times=2):
        super().__init__(env)
        self.times = times

    def step(self, action):
        total = 0.0
        for _ in range(self.times):
            obs, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return obs, total, terminated, truncated, info
