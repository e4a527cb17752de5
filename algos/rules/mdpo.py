"""Mirror descent: a few gradient steps on the linearised return less the divergence from where they began."""

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor

from algos.ascent import Harmonic, LocalModel
from algos.policies import Policy
from algos.rules.mm_penalty import PenaltyMM
from algos.search_space import Integer, LogUniform
from algos.types import NAN


@dataclass(frozen=True)
class ReverseKL:
    """Mean KL(new || old), the Bregman divergence of the negative entropy."""

    def of(self, old: LocalModel, outputs: Tensor) -> Tensor:
        return old.policy.family.kl(outputs, old.double_outputs).mean()


def mdpo(
    policy: Policy,
    *,
    beta: Annotated[float, LogUniform(0.1, 10.0, "a decade on either side of 1")] = 1.0,
    steps: Annotated[int, Integer(5, 80, "as in `mm_penalty`, which has the same ascent")] = 10,
    lr: Annotated[float, LogUniform(1e-4, 1e-2, "from a third of 3e-4 to `mm_penalty`'s 3e-3 and beyond")] = 3e-4,
    half: float = 500.0,
    ess_floor: float = 0.1,
) -> PenaltyMM:
    """Maximise L - beta_k KL(new || old), beta_k = 1/t_k growing with the updates (Tomar et al. 2020).

    On-policy MDPO: the proximal step of mirror descent, solved by `steps` steps of Adam on the whole batch. beta: 1,
    steps: 10 and lr: 3e-4 as in the authors' code, where t_k falls from 1 to 0 over the budget. A rule does not know
    its budget: here beta_k = beta (1 + k / half), half: 500 updates, a million environment steps at 2,048 a batch. As
    in `mm_penalty` each batch has an Adam of its own, the best theta visited is kept, and the ascent ends where the
    effective sample size falls below ess_floor: 0.1, next to no floor, since they have none.
    """
    return PenaltyMM(policy, beta, steps, lr, ess_floor, NAN, Harmonic(half), ReverseKL())
