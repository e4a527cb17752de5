"""Rulers for steps in parameter space: what the natural direction divides the gradient by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor

from algos.curvature.fisher import fisher_vector_product
from algos.networks import Linearized
from algos.policies import Policy
from algos.types import Batch

Product = Callable[[Tensor], Tensor]


class Metric(Protocol):
    cost: ClassVar[int]  # what one application counts as, in Fisher products

    def product(self, policy: Policy, theta: Tensor, batch: Batch, linear: Linearized) -> Product:
        """v [P] -> G v [P]; `linear` is the policy linearised at theta on the whole batch."""
        ...


@dataclass(frozen=True)
class Fisher:
    """The Fisher matrix, exact over actions, averaged over all observations of the batch."""

    cost: ClassVar[int] = 1

    def product(self, policy: Policy, theta: Tensor, batch: Batch, linear: Linearized) -> Product:
        return fisher_vector_product(linear, policy.family.fisher)


@dataclass(frozen=True)
class SubsampledFisher:
    """The same on every `stride`-th observation; 10, as in Engstrom et al. 2020 (Schulman et al. 2015, appendix C)."""

    cost: ClassVar[int] = 1
    stride: int = 10

    def product(self, policy: Policy, theta: Tensor, batch: Batch, linear: Linearized) -> Product:
        return fisher_vector_product(linear.rows(slice(None, None, self.stride)), policy.family.fisher)


@dataclass(frozen=True)
class EmpiricalFisher:
    """mean(score score') over the actions taken, not its expectation over actions (Martens 2020, section 11)."""

    cost: ClassVar[int] = 1

    def product(self, policy: Policy, theta: Tensor, batch: Batch, linear: Linearized) -> Product:
        score = policy.family.score(linear.outputs, batch.actions)

        def onto_score(moved: Tensor) -> Tensor:
            return score * (score * moved).sum(-1, keepdim=True)

        return lambda v: linear.gram(v, onto_score, 1 / len(score))


@dataclass(frozen=True)
class Identity:
    """The Euclidean metric of the parameters."""

    cost: ClassVar[int] = 0

    def product(self, policy: Policy, theta: Tensor, batch: Batch, linear: Linearized) -> Product:
        return lambda v: v.clone()
