"""The ways in which a run can fail; whose fault it is depends on where the exception was raised."""

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
    """A number is not finite, or too large to mean anything."""


class Paused(Exception):
    """The run has stopped on request, after writing its checkpoint."""


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


def raised_as(fault: type[Exception]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorator: re-raise what the function raises as `fault`, except out-of-memory errors and our own verdicts.

    SystemExit is caught too: an environment or a rule must not end the process.
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
    """Whether this is an out-of-memory error of python, numpy, torch, MuJoCo or the system."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = described(error).lower()
    return any(f"{no} allocate memory" in text for no in ("can't", "cannot", "could not"))


def status_of(error: BaseException) -> str:
    """The status of a run that ended with this exception."""
    if is_out_of_memory(error):
        return "oom"
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), "internal_error")


def described(error: BaseException) -> str:
    """`Kind: text`, or the text alone for our own verdicts; bounded in length and valid UTF-8."""
    try:
        text = str(error)
    except Exception:
        text = "(its text cannot be read)"
    if not isinstance(error, VERDICTS):
        text = f"{type(error).__name__}: {text}"
    return storable(text if len(text) <= REASON_LENGTH else f"{text[:REASON_LENGTH]}...")


def trace_of(error: BaseException) -> str:
    """The traceback of the original exception, its end if it is long; empty for Diverged."""
    if isinstance(error, (Diverged, NonFinite)):
        return ""
    text = "".join(traceback.format_exception(error.__cause__ or error))
    return storable(text if len(text) <= TRACEBACK_LENGTH else f"...\n{text[-TRACEBACK_LENGTH:]}")


def storable(text: str) -> str:
    """The text with characters replaced that UTF-8 cannot encode."""
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
