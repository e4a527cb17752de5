"""How a run can fail, and whose fault that is: decided by where it was raised."""

import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from algos.finite import NonFinite

PARAMETER_LIMIT = 1e6  # in units of what is learnt: weights begin near 1; tanh units are constant long before
RETURN_LIMIT = 1e9  # of a reward, or of an episode's sum: tasks stay below 1e5
ACTION_LIMIT = 1e6  # beyond it, what an environment makes of an action is the policy's doing
REASON_LENGTH, TRACEBACK_LENGTH = 1_000, 10_000  # characters that a record keeps

P = ParamSpec("P")
T = TypeVar("T")


class Diverged(Exception):
    """A number is not finite, or so large that it says nothing any more."""


class Paused(Exception):
    """The run was asked to stop, and its checkpoint is written."""


class RuleFailed(Exception):
    """The rule's own code raised, or returned what no rule may."""


class EnvironmentFailed(Exception):
    """The environment's own code raised, or returned what no environment may."""


VERDICTS = (Paused, Diverged, RuleFailed, EnvironmentFailed)
STATUSES = {
    Diverged: "diverged",
    NonFinite: "diverged",
    RuleFailed: "rule_error",
    EnvironmentFailed: "env_error",
}


def blamed_on(fault: type[Exception]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: whatever the function raises is raised as `fault`, want of memory and verdicts excepted.

    SystemExit is caught too: no environment and no rule decides that the process ends.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except VERDICTS:
                raise
            except (Exception, SystemExit) as error:
                if is_out_of_memory(error):
                    raise
                raise fault(described(error)) from error

        return call

    return decorate


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is what python, numpy, torch, MuJoCo or the system say when there is no memory left."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = described(error).lower()
    return any(f"{no} allocate memory" in text for no in ("can't", "cannot", "could not"))


def status_of(error: BaseException) -> str:
    """The status of a run that this ended."""
    if is_out_of_memory(error):
        return "oom"
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), "internal_error")


def described(error: BaseException) -> str:
    """`Kind: text`; a verdict's text alone. Bounded, and always something that a table can hold."""
    try:
        text = str(error)
    except Exception:
        text = "(its text cannot be read)"
    if not isinstance(error, VERDICTS):
        text = f"{type(error).__name__}: {text}"
    return storable(text if len(text) <= REASON_LENGTH else f"{text[:REASON_LENGTH]}...")


def trace_of(error: BaseException) -> str:
    """The traceback of what was raised first, where it is long its end; none for numbers that went astray."""
    if isinstance(error, (Diverged, NonFinite)):
        return ""
    text = "".join(traceback.format_exception(error.__cause__ or error))
    return storable(text if len(text) <= TRACEBACK_LENGTH else f"...\n{text[-TRACEBACK_LENGTH:]}")


def storable(text: str) -> str:
    """The text with what UTF-8 cannot hold replaced."""
    return text.encode("utf-8", "replace").decode()


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
