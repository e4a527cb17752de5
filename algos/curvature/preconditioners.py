"""Stand-ins for (F + damping I)^-1 that are to make conjugate gradient need fewer products (measured in the README).

They are made from the scores of the batch's actions, which the policy at theta drew: their outer product has the
Fisher matrix as its expectation, and costs one backward pass. With one output and scores of 1 they stand for the
Gauss-Newton matrix J'J/B + damping I of a critic.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Protocol

import torch
from torch import Tensor

from algos.policies import Linearization

Solve = Callable[[Tensor], Tensor]


class Preconditioner(Protocol):
    def prepare(self, linear: Linearization, scores: Tensor, damping: float) -> Solve | None:
        """v [P] -> about (F + damping I)^-1 v; `scores` [B, D] are the gradients of log pi by the outputs."""
        ...


@dataclass(frozen=True)
class Unpreconditioned:
    """None at all."""

    def prepare(self, linear: Linearization, scores: Tensor, damping: float) -> None:
        return None


@dataclass(frozen=True)
class Kronecker:
    """Every layer's block of F as (mean signal signal') x (mean input input'), as if the two were independent.

    K-FAC (Martens and Grosse 2015, section 3, with the factored damping of section 6.3); free outputs by their
    diagonal.
    """

    def prepare(self, linear: Linearization, scores: Tensor, damping: float) -> Solve:
        network, rows = linear.network, len(scores)
        factors = [
            _damped_inverses(signal.T @ signal / rows, inputs.T @ inputs / rows, damping)
            for signal, inputs in zip(linear.signals(scores), map(_with_one, linear.activations[::-1]), strict=True)
        ][::-1]
        free_diagonal = scores[:, network.output_size - network.free_size :].square().mean(0) + damping

        def solve(v: Tensor) -> Tensor:
            result = torch.empty_like(v)
            given, solved_for = network.layers(v), network.layers(result)
            for (weight, bias), (to_weight, to_bias), (left, right) in zip(given, solved_for, factors, strict=True):
                bound = slice(len(weight))
                solved = left @ torch.cat([weight, bias[bound].unsqueeze(1)], 1) @ right
                to_weight.copy_(solved[:, :-1])
                to_bias[bound] = solved[:, -1]
            free = network.size - network.free_size
            torch.div(v[free:], free_diagonal, out=result[free:])
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

    def prepare(self, linear: Linearization, scores: Tensor, damping: float) -> Solve:
        stride = max(1, len(scores) // self.rows) | 1  # odd, so that it meets each of 2^k environments as often
        every = slice(None, None, stride)
        few, scores = linear.rows(every), scores[every].contiguous()
        network = linear.network
        free = scores[:, network.output_size - network.free_size :]
        gram = free @ free.T
        for signal, a in zip(few.signals(scores), few.activations[::-1], strict=True):
            gram += (a @ a.T).add_(1).mul_(signal @ signal.T)  # 1: the bias's input
        mean_square = float(gram.trace()) / len(gram)  # of a row of G; no eigenvalue of G'G/rows is larger
        damping = max(damping, 4 * torch.finfo(gram.dtype).eps * mean_square, 1e-12)  # positive definite when rounded
        gram.diagonal().add_(len(gram) * damping)
        factor = torch.linalg.cholesky(gram)

        def through_gram(moved: Tensor) -> Tensor:
            return torch.cholesky_solve((moved * scores).sum(1, keepdim=True), factor) * scores

        return lambda v: few.gram(v, through_gram).neg_().add_(v).div_(damping)


def _with_one(a: Tensor) -> Tensor:
    return torch.cat([a, a.new_ones(len(a), 1)], 1)


def _damped_inverses(left: Tensor, right: Tensor, damping: float) -> tuple[Tensor, Tensor]:
    """(left + sqrt(damping)/pi I)^-1 and (right + pi sqrt(damping) I)^-1 with pi^2 the ratio of their mean traces."""
    pi = sqrt(float(right.trace()) / len(right) / max(float(left.trace()) / len(left), 1e-12))
    root = sqrt(max(damping, 1e-8))
    return _damped_inverse(left, root / max(pi, 1e-6)), _damped_inverse(right, root * pi)


def _damped_inverse(matrix: Tensor, damping: float) -> Tensor:
    damped = matrix + damping * torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    return torch.cholesky_inverse(torch.linalg.cholesky(damped))
