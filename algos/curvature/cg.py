"""Conjugate gradient for a symmetric positive (semi-)definite operator; it knows nothing of reinforcement learning."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

import torch
from torch import Tensor

from algos.finite import require_finite


@dataclass(frozen=True)
class Solution:
    """x [P] with A x ~ b, after `iterations` products, and the relative residual |b - A x| / |b|."""

    x: Tensor
    iterations: int
    residual: float


def conjugate_gradient(
    mvp: Callable[[Tensor], Tensor],
    b: Tensor,
    iterations: int,
    tolerance: float = 1e-8,
    precondition: Callable[[Tensor], Tensor] | None = None,
    start: Tensor | None = None,
    boundary: float = inf,
) -> Solution:
    """Solve A x = b (Nocedal and Wright 2006, algorithms 5.2 and 5.3), from x = 0 or from `start` [P].

    `precondition` applies a symmetric positive definite stand-in for A^-1. Stops after `iterations` products, the one
    that a start costs included, when |b - A x| <= tolerance * |b|, or when A shows no curvature along the next
    direction. All tests are relative, so from x = 0 the solution scales with b. Raises NonFinite.

    boundary: of x'Ax, which grows with every iteration from x = 0; the one that would cross it ends there (Steihaug
    1983; Nocedal and Wright 2006, algorithm 7.2, with the norm of A).
    """
    done, bb, energy = 0, float(b @ b), 0.0
    require_finite(squared_right_hand_side=bb)
    goal = tolerance**2 * bb
    x, r = torch.zeros_like(b), b.clone()
    if start is not None and start.any():
        x, r, done = start.clone(), b - mvp(start), 1
    rr = float(r @ r)
    p, rz = torch.zeros_like(b), 1.0
    while done < iterations and rr > goal:
        z = r if precondition is None else precondition(r)
        rz, last = (rr if precondition is None else float(r @ z)), rz
        p = torch.add(z, p, alpha=rz / last)
        ap = mvp(p)
        curvature = float(p @ ap)
        require_finite(curvature_in_conjugate_gradient=curvature)
        done += 1
        if curvature <= 0:
            break
        alpha = rz / curvature
        crosses = energy + alpha * alpha * curvature > boundary
        if crosses:  # x'Ap is zero
            alpha = sqrt((boundary - energy) / curvature)
        energy += alpha * alpha * curvature
        x = x.add_(p, alpha=alpha)
        r = r.sub_(ap, alpha=alpha)
        rr = float(r @ r)
        require_finite(residual_of_conjugate_gradient=rr)
        if crosses:
            break
    return Solution(x, done, (rr / bb) ** 0.5 if bb > 0 else 0.0)
