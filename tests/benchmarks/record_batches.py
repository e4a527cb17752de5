"""Record real batches, and critics before their fit, for the benchmarks of conjugate gradient: early, middle, late.

    python tests/benchmarks/record_batches.py

`trpo` on HalfCheetah-v5, seed 0, batch 1,024; updates 2, 75 and 300 are kept.
"""

from pathlib import Path

import numpy as np
import torch

from algos.types import Batch
from experiments.cell.run import Run
from experiments.profile_cell import Arguments, spec_for

STAGES = {"early": 2, "middle": 75, "late": 300}
FILE = Path(__file__).with_name("batches.npz")


def main() -> None:
    torch.set_num_threads(1)
    run = Run(spec_for(Arguments("trpo", "HalfCheetah-v5", updates=max(STAGES.values()), batch_size=1024)))
    rule, critic, arrays = run.rule, run.critic, {}

    def keep(**tensors: torch.Tensor) -> None:
        for stage, update in STAGES.items():
            if run.updates + 1 == update:
                arrays.update({f"{stage}_{name}": tensor.numpy() for name, tensor in tensors.items()})

    class RecordedRule:
        """The rule, keeping what it was given."""

        def update(self, state, batch: Batch):
            keep(theta=state.theta, obs=batch.obs, actions=batch.actions, advantages=batch.advantages)
            return rule.update(state, batch)

    class RecordedCritic:
        """The critic, keeping what it was to fit."""

        predict = staticmethod(critic.predict)

        def fit(self, state, obs, returns):
            keep(critic=state.theta, returns=returns)
            return critic.fit(state, obs, returns)

    run.rule, run.critic = RecordedRule(), RecordedCritic()
    while run.updates < max(STAGES.values()):
        list(run.step())
    np.savez_compressed(FILE, **arrays)
    print(f"{FILE}: {FILE.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
