"""How a run can fail through its own doing."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


class Diverged(Exception):
    """A number that must be finite is not."""


class Paused(Exception):
    """The run was asked to stop and its checkpoint is written."""


class RuleFailed(Exception):
    """The rule's own code raised."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether this is what python, numpy or torch say when there is no memory left; torch has no class for it."""
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)


def require_finite(**values: Any) -> None:
    """Raise Diverged, naming the first tensor or array that holds nan or inf."""
    for name, value in values.items():
        finite = torch.isfinite(value).all() if isinstance(value, Tensor) else np.isfinite(value).all()
        if not finite:
            raise Diverged(f"{name} not finite")
