"""Conjugate gradient for a symmetric positive (semi-)definite operator; it knows nothing of reinforcement learning."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Solution:
    """x [P] with A x ~ b, after `iterations` products, and the relative residual |b - A x| / |b|."""

    x: Tensor
    iterations: int
    residual: float


def conjugate_gradient(
    mvp: Callable[[Tensor], Tensor], b: Tensor, iterations: int, tolerance: float = 1e-8
) -> Solution:
    """Solve A x = b from x = 0 (Nocedal and Wright 2006, algorithm 5.2).

    Stops after `iterations` products, when |b - A x| <= tolerance * |b|, or when A shows no curvature along the next
    direction. Both tests are relative, so the solution scales with b.
    """
    x, r, p = torch.zeros_like(b), b.clone(), b.clone()
    rr = start = float(r @ r)
    done = 0
    while done < iterations and rr > tolerance**2 * start:
        ap = mvp(p)
        curvature = float(p @ ap)
        done += 1
        if curvature <= 0:
            break
        alpha = rr / curvature
        x = x.add_(p, alpha=alpha)
        r = r.sub_(ap, alpha=alpha)
        rr, last = float(r @ r), rr
        p = torch.add(r, p, alpha=rr / last)
    return Solution(x, done, (rr / start) ** 0.5 if start > 0 else 0.0)
