"""Record real batches for the benchmarks of conjugate gradient: early, in the middle and late in a run.

    python tests/benchmarks/record_batches.py

`trpo` on HalfCheetah-v5, seed 0, batch 1,024; every second row of updates 2, 75 and 300 is kept.
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
    rule, arrays = run.rule, {}

    class Recorder:
        """The rule, keeping what it was given."""

        def update(self, state, batch: Batch):
            for stage, update in STAGES.items():
                if run.updates + 1 == update:
                    kept = {"theta": state.theta, "obs": batch.obs[::2], "actions": batch.actions[::2]}
                    kept["advantages"] = batch.advantages[::2]
                    arrays.update({f"{stage}_{name}": value.numpy() for name, value in kept.items()})
            return rule.update(state, batch)

    run.rule = Recorder()
    while run.updates < max(STAGES.values()):
        list(run.step())
    np.savez_compressed(FILE, **arrays)
    print(f"{FILE}: {FILE.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
