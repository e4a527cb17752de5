"""Stand-ins for (F + damping I)^-1 that are to make conjugate gradient need fewer products (measured in the README).

They are made from the scores of the batch's actions, which the policy at theta drew: their outer product has the
Fisher matrix as its expectation, and costs one backward pass. With one output and scores of 1 they stand for the
Gauss-Newton matrix J'J/B + damping I of a critic.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import torch
from torch import Tensor

from algos.networks import Linearized
from algos.networks.protocol import Solve


class Preconditioner(Protocol):
    def prepare(self, linear: Linearized, scores: Tensor, damping: float) -> Solve | None:
        """v [P] -> about (F + damping I)^-1 v; `scores` [B, D] are the gradients of log pi by the outputs."""
        ...


@dataclass(frozen=True)
class Unpreconditioned:
    """None at all."""

    def prepare(self, linear: Linearized, scores: Tensor, damping: float) -> None:
        return None


@dataclass(frozen=True)
class Kronecker:
    """Every layer's block of F as (mean signal signal') x (mean input input'), as if the two were independent.

    K-FAC (Martens and Grosse 2015, section 3, with the factored damping of section 6.3); free outputs by their
    diagonal.
    """

    def prepare(self, linear: Linearized, scores: Tensor, damping: float) -> Solve:
        solves = [(part.parameters, part.inverse(damping)) for part in linear.row_gradients(scores)]

        def solve(v: Tensor) -> Tensor:
            result = torch.empty_like(v)
            for parameters, of_part in solves:
                result[parameters] = of_part(v[parameters])
            return result

        return solve


@dataclass(frozen=True)
class Subsampled:
    """The inverse for about `rows` rows of the batch alone, exact by Woodbury's identity.

    As Zhang and Xiao 2015 ("DiSCO", section 4) precondition with one machine's share of the data. With G [rows, P] the
    rows' score gradients, (G'G/rows + damping I)^-1 v = (v - G'(GG' + rows damping I)^-1 G v) / damping, and GG' comes
    layer by layer from inner products of signals and of inputs. It helps where `rows` is well above the number of
    eigenvalues of F that exceed the damping: for critics, not for policies (measured: README, Speed). They are every
    n-th row with n odd, two thirds to twice as many: rows that were drawn, or spaced evenly, needed more products.
    """

    rows: int = 300

    def prepare(self, linear: Linearized, scores: Tensor, damping: float) -> Solve:
        stride = max(1, len(scores) // self.rows) | 1  # odd, so that it meets each of 2^k environments as often
        every = slice(None, None, stride)
        few, scores = linear.rows(every), scores[every].contiguous()
        gram = reduce(torch.add, [part.products() for part in few.row_gradients(scores)])
        mean_square = float(gram.trace()) / len(gram)  # of a row of G; no eigenvalue of G'G/rows is larger
        damping = max(damping, 4 * torch.finfo(gram.dtype).eps * mean_square, 1e-12)  # positive definite when rounded
        gram.diagonal().add_(len(gram) * damping)
        factor = torch.linalg.cholesky(gram)

        def through_gram(moved: Tensor) -> Tensor:
            return torch.cholesky_solve((moved * scores).sum(1, keepdim=True), factor) * scores

        return lambda v: few.gram(v, through_gram).neg_().add_(v).div_(damping)
