"""stable-baselines3's PPO and sb3-contrib's TRPO, on their DummyVecEnv."""

from collections.abc import Callable

import torch
from sb3_contrib import TRPO
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

PACKAGES = ("stable-baselines3", "sb3-contrib")


def make(rule: str, env: str, n_envs: int, batch: int, updates: int) -> Callable[[], None]:
    """A function that trains for so many updates."""
    torch.set_num_threads(1)
    learner, settings = (TRPO, {"cg_max_steps": 10}) if rule == "trpo" else (PPO, {"batch_size": 64, "n_epochs": 10})
    model = learner(
        "MlpPolicy",
        make_vec_env(env, n_envs, seed=0),
        n_steps=batch // n_envs,
        policy_kwargs={"net_arch": [64, 64]},
        device="cpu",
        seed=0,
        **settings,
    )
    return lambda: model.learn(updates * batch, reset_num_timesteps=False)
