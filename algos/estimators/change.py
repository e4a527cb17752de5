"""One yardstick for every rule: how far did the policy move, and what did its batch say of that?"""

from dataclasses import dataclass
from math import isnan, nan

import torch
from torch import Tensor

from algos.estimators.surrogates import Discounted, ImportanceSampled, Surrogate
from algos.policies.policy import Policy
from algos.types import Batch, Info


@dataclass(frozen=True)
class Change:
    """Divergences are averages over the batch's observations, in nats; gains are in units of the batch's advantages.

    `surrogate_gain` is under the undiscounted visitation for every rule, `discounted_gain` under the discounted one.
    What is compared with the rule (linear gain, agreement, implied beta, bounds) is under the rule's own.
    The bounds are those of L - beta KL(old || new), with the rule's own beta where it has one, else the implied one;
    they are nan where nothing moved. All is computed in double precision from the networks' outputs.
    """

    surrogate_gain: float
    discounted_gain: float
    linear_gain: float  # g.d, g the surrogate's gradient at old and d = new - old
    kl: float  # mean KL(old || new)
    reverse_kl: float  # mean KL(new || old)
    max_kl: float  # largest KL(old || new) over the batch
    quadratic_kl: float  # d'Fd / 2
    step_norm: float  # |d|
    agreement: float  # the gain / predicted_gain
    implied_beta: float  # g.d / d'Fd: the beta for which g.d - (beta/2) d'Fd is highest at this length
    predicted_bound: float  # g.d - (beta/2) d'Fd, what the quadratic lower bound promises
    achieved_bound: float  # surrogate gain - beta mean KL(old || new), what the penalised surrogate gained
    entropy: float  # mean entropy of the new policy


@torch.no_grad()
def measure_change(policy: Policy, old: Tensor, new: Tensor, batch: Batch, info: Info | None = None) -> Change:
    """Measure the move from `old` to `new` [P] on the batch that caused it; `info` is what the rule reported."""
    info = info or Info()
    family = policy.family
    surrogates: tuple[Surrogate, Surrogate] = ImportanceSampled(), Discounted()
    model = policy.network.linearize(old, batch.obs)
    first, second = model.outputs.double(), policy.outputs(new, batch.obs).double()
    step = new - old
    moved = model.jvp(step).double()
    kl = family.kl(first, second)
    log_ratio = family.log_prob(second, batch.actions) - batch.log_probs
    before = family.log_prob(first, batch.actions) - batch.log_probs
    gains = [float(s.value(log_ratio, batch) - s.value(before, batch)) for s in surrogates]
    gain, surrogate = gains[info.discounted], surrogates[info.discounted]
    by_row = (family.score(first, batch.actions) * moved).sum(-1)  # how every row's log_prob moves, to first order
    linear_gain = float(surrogate.gradient(before, batch) @ by_row)
    quadratic_kl = float((moved * family.fisher(first)(moved)).sum(-1).mean() / 2)
    implied = linear_gain / (2 * quadratic_kl) if quadratic_kl > 0 else nan
    beta = implied if isnan(info.beta) else info.beta
    return Change(
        surrogate_gain=gains[0],
        discounted_gain=gains[1],
        linear_gain=linear_gain,
        kl=float(kl.mean()),
        reverse_kl=float(family.kl(second, first).mean()),
        max_kl=float(kl.max()),
        quadratic_kl=quadratic_kl,
        step_norm=float(step.norm()),
        agreement=gain / info.predicted_gain if info.predicted_gain else nan,
        implied_beta=implied,
        predicted_bound=linear_gain - beta * quadratic_kl if quadratic_kl > 0 else nan,
        achieved_bound=gain - beta * float(kl.mean()) if quadratic_kl > 0 else nan,
        entropy=float(family.entropy(second).mean()),
    )
