"""Rulers for steps in parameter space: what the natural direction divides the gradient by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor

from algos.curvature.fisher import fisher_vector_product, weighted
from algos.networks import Linearized
from algos.policies import Policy
from algos.types import Batch

Product = Callable[[Tensor], Tensor]


class Metric(Protocol):
    cost: ClassVar[int]  # what one application counts as, in Fisher products

    def product(
        self, policy: Policy, theta: Tensor, batch: Batch, linear: Linearized, weights: Tensor | None = None
    ) -> Product:
        """v [P] -> G v [P]; `linear` is the policy linearised at theta on the whole batch.

        weights: of its rows, [B] of mean 1; None where they count alike.
        """
        ...


@dataclass(frozen=True)
class Fisher:
    """The Fisher matrix, exact over actions, averaged over all observations of the batch."""

    cost: ClassVar[int] = 1

    def product(
        self, policy: Policy, theta: Tensor, batch: Batch, linear: Linearized, weights: Tensor | None = None
    ) -> Product:
        return fisher_vector_product(linear, policy.family.fisher, weights)


@dataclass(frozen=True)
class SubsampledFisher:
    """The same on every `stride`-th observation; 10, as in Engstrom et al. 2020 (Schulman et al. 2015, appendix C)."""

    cost: ClassVar[int] = 1
    stride: int = 10

    def product(
        self, policy: Policy, theta: Tensor, batch: Batch, linear: Linearized, weights: Tensor | None = None
    ) -> Product:
        every = slice(None, None, self.stride)
        some = None if weights is None else weights[every] / weights[every].mean()
        return fisher_vector_product(linear.rows(every), policy.family.fisher, some)


@dataclass(frozen=True)
class EmpiricalFisher:
    """mean(score score') over the actions taken, not its expectation over actions (Martens 2020, section 11)."""

    cost: ClassVar[int] = 1

    def product(
        self, policy: Policy, theta: Tensor, batch: Batch, linear: Linearized, weights: Tensor | None = None
    ) -> Product:
        score = policy.family.score(linear.outputs, batch.actions)

        def onto_score(moved: Tensor) -> Tensor:
            return score * (score * moved).sum(-1, keepdim=True)

        metric = onto_score if weights is None else weighted(onto_score, weights)
        return lambda v: linear.gram(v, metric, 1 / len(score))


@dataclass(frozen=True)
class OneScore:
    """score score' of one action taken, that of the middle row: the empirical Fisher of one sample (Huo et al. 2026).

    With damping its inverse has a closed form (Sherman and Morrison 1950), and conjugate gradient is exact after two
    iterations. So it cuts the gradient along that one score, and leaves it as it is in all other directions.
    """

    cost: ClassVar[int] = 0

    def product(
        self, policy: Policy, theta: Tensor, batch: Batch, linear: Linearized, weights: Tensor | None = None
    ) -> Product:
        row = slice(len(batch.actions) // 2, len(batch.actions) // 2 + 1)
        one = linear.rows(row)
        score = one.vjp(policy.family.score(linear.outputs[row], batch.actions[row]))
        return lambda v: score * (score @ v)


@dataclass(frozen=True)
class Identity:
    """The Euclidean metric of the parameters."""

    cost: ClassVar[int] = 0

    def product(
        self, policy: Policy, theta: Tensor, batch: Batch, linear: Linearized, weights: Tensor | None = None
    ) -> Product:
        return lambda v: v.clone()
