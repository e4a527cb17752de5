"""First-order optimisation: what becomes of a gradient, and runs of many small steps on rows of a batch."""

from algos.optim.minibatches import TORCH_STEPS, Objective, Plan, Reached, Steps, TorchSteps, shuffles
from algos.optim.optimizers import Adam, AdamState, Optimizer, Plain

__all__ = [
    "TORCH_STEPS",
    "Adam",
    "AdamState",
    "Objective",
    "Optimizer",
    "Plain",
    "Plan",
    "Reached",
    "Steps",
    "TorchSteps",
    "shuffles",
]
