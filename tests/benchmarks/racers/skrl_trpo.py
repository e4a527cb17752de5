"""skrl's TRPO, on gymnasium's synchronous vector environment; it writes no logs and no checkpoints."""

from collections.abc import Callable

import gymnasium
import torch
from skrl.agents.torch.trpo import TRPO, TRPO_CFG
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
from skrl.trainers.torch import SequentialTrainer
from skrl.utils import set_seed
from torch import nn

PACKAGES = ("skrl",)


def body(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))


class Policy(GaussianMixin, Model):
    def __init__(self, **spaces):
        Model.__init__(self, **spaces)
        GaussianMixin.__init__(self)
        self.body, self.log_std = (
            body(self.num_observations, self.num_actions),
            nn.Parameter(torch.zeros(self.num_actions)),
        )

    def compute(self, inputs, role):
        return self.body(inputs["observations"]), {"log_std": self.log_std}


class Value(DeterministicMixin, Model):
    def __init__(self, **spaces):
        Model.__init__(self, **spaces)
        DeterministicMixin.__init__(self)
        self.body = body(self.num_observations, 1)

    def compute(self, inputs, role):
        return self.body(inputs["observations"]), {}


def make(rule: str, env: str, n_envs: int, batch: int, updates: int) -> Callable[[], None]:
    """A function that trains for so many updates."""
    torch.set_num_threads(1)
    set_seed(0)
    steps = batch // n_envs
    world = wrap_env(gymnasium.make_vec(env, num_envs=n_envs, vectorization_mode="sync"))
    spaces = {
        "observation_space": world.observation_space,
        "state_space": world.state_space,
        "action_space": world.action_space,
        "device": "cpu",
    }
    settings = TRPO_CFG(rollouts=steps, learning_epochs=10, mini_batches=batch // 64)  # of its critic
    settings.experiment.write_interval = settings.experiment.checkpoint_interval = 0
    memory = RandomMemory(memory_size=steps, num_envs=n_envs, device="cpu")
    agent = TRPO(models={"policy": Policy(**spaces), "value": Value(**spaces)}, memory=memory, cfg=settings, **spaces)
    told = {"timesteps": updates * steps, "headless": True, "disable_progressbar": True}
    return SequentialTrainer(env=world, agents=agent, cfg=told).train
