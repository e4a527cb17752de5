"""Where networks start."""

import torch
from torch import Tensor


def orthogonal(rows: int, columns: int, gain: float, generator: torch.Generator) -> Tensor:
    """A matrix [rows, columns] in double whose rows or columns, whichever are fewer, are orthogonal with norm `gain`.

    Drawn as `torch.nn.init.orthogonal_` does (Saxe et al. 2014).
    """
    normal = torch.randn(max(rows, columns), min(rows, columns), generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(normal)
    q = q * r.diagonal().sign()
    return (q if rows >= columns else q.T) * gain
