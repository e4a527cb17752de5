"""How a run can fail through its own doing."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

PARAMETER_LIMIT = 1e6  # weights begin near 1; tanh units are constant long before
RETURN_LIMIT = 1e9  # of a reward, or of an episode's sum: tasks stay below 1e5


class Diverged(Exception):
    """A number is not finite, or so large that it says nothing any more."""


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


def require_within(limit: float, **values: Any) -> None:
    """Raise Diverged, naming the first tensor or array with nan, inf or a magnitude above `limit`."""
    require_finite(**values)
    for name, value in values.items():
        largest = max(-float(value.min()), float(value.max())) if 0 not in value.shape else 0.0
        if largest > limit:
            raise Diverged(f"{name} beyond {limit:g}: {largest:.3g}")
