"""One yardstick for every rule: how far did the policy move, and what did its batch say of that?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from algos.estimators.surrogates import ImportanceSampled
from algos.policies.policy import Policy
from algos.types import Batch


@dataclass(frozen=True)
class Change:
    """Divergences are averages over the batch's observations, in nats; gains are in units of the batch's advantages."""

    surrogate_gain: float
    kl: float  # mean KL(old || new)
    reverse_kl: float  # mean KL(new || old)
    max_kl: float  # largest KL(old || new) over the batch
    quadratic_kl: float  # d'Fd / 2 with d = new - old
    step_norm: float  # |d|
    agreement: float  # surrogate_gain / predicted_gain
    entropy: float  # mean entropy of the new policy


@torch.no_grad()
def measure_change(policy: Policy, old: Tensor, new: Tensor, batch: Batch, predicted_gain: float) -> Change:
    """Measure the move from `old` to `new` [P] on the batch that caused it."""
    family = policy.family
    model = policy.network.linearize(old, batch.obs)
    first, second = model.outputs, policy.outputs(new, batch.obs)
    step = new - old
    moved = model.jvp(step)
    kl = family.kl(first, second)
    surrogate = ImportanceSampled()
    log_ratio = family.log_prob(second, batch.actions) - batch.log_probs
    before = family.log_prob(first, batch.actions) - batch.log_probs
    gain = float(surrogate.value(log_ratio, batch) - surrogate.value(before, batch))
    return Change(
        surrogate_gain=gain,
        kl=float(kl.mean()),
        reverse_kl=float(family.kl(second, first).mean()),
        max_kl=float(kl.max()),
        quadratic_kl=float((moved * family.fisher(first)(moved)).sum(-1).mean() / 2),
        step_norm=float(step.norm()),
        agreement=gain / predicted_gain if predicted_gain else float("nan"),
        entropy=float(family.entropy(second).mean()),
    )
