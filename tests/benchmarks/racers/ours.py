"""A rule of this project: everything in a cell but evaluation."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import torch

from experiments.cell.run import Run
from experiments.profile_cell import Arguments, spec_for

PACKAGES = ("policy-ascent",)
OWN = Path(__file__).with_name("rules.toml")  # rules under labels that only the race has


def make(rule: str, env: str, n_envs: int, batch: int, updates: int) -> Callable[[], None]:
    """A function that trains for so many updates."""
    torch.set_num_threads(1)
    matrix = str(OWN) if rule in tomllib.loads(OWN.read_text())["rules"] else None
    run = Run(spec_for(Arguments(rule, env, batch_size=batch, n_envs=n_envs, matrix=matrix)))

    def train() -> None:
        for _ in range(updates):
            list(run.step())

    return train
