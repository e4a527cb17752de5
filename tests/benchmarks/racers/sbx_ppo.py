"""sbx's PPO: minibatch steps compiled by jax, environments on stable-baselines3's DummyVecEnv."""

from collections.abc import Callable

import flax.linen as nn
import torch
from sbx import PPO
from stable_baselines3.common.env_util import make_vec_env

PACKAGES = ("sbx-rl", "jax")


def make(rule: str, env: str, n_envs: int, batch: int, updates: int) -> Callable[[], None]:
    """A function that trains for so many updates."""
    torch.set_num_threads(1)
    model = PPO(
        "MlpPolicy",
        make_vec_env(env, n_envs, seed=0),
        n_steps=batch // n_envs,
        batch_size=64,
        n_epochs=10,
        policy_kwargs={"net_arch": [64, 64], "activation_fn": nn.tanh},
        seed=0,
    )
    return lambda: model.learn(updates * batch, reset_num_timesteps=False)
