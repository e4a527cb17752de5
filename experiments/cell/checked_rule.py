"""Calls into a rule: every exception and every invalid return value of its code is raised as RuleFailed."""

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from algos.finite import NonFinite
from algos.policies import Policy
from algos.types import Batch, Info, Reuse, Trial
from experiments.cell.checkpoint import is_serializable
from experiments.cell.failures import Diverged, RuleFailed, raised_as
from experiments.cell.streams import integer_seed
from experiments.records import UpdateRow, extras_problem
from experiments.spec import RunSpec, build_rule

COLUMNS = frozenset(field.name for field in fields(UpdateRow))
PLAIN = {"int": int, "float": (int, float), "bool": bool}


@raised_as(RuleFailed)
def make_rule(spec: RunSpec, policy: Policy) -> Any:
    """The rule of a cell. Raises RuleFailed."""
    return build_rule(spec.rule, spec.hyper, policy, integer_seed(spec.seed, "rule"))


@raised_as(RuleFailed)
def first_state(rule: Any, theta: Tensor) -> Any:
    """The rule's state at theta [P]. Raises RuleFailed."""
    state = rule.init(theta)
    _check_state(state, theta)
    return state


@raised_as(RuleFailed)
def next_state(rule: Any, state: Any, batch: Batch) -> tuple[Any, Info]:
    """The rule's update. Raises RuleFailed, and Diverged where the rule met numbers that are not finite."""
    try:
        returned = rule.update(state, batch)
    except NonFinite as error:
        raise Diverged(f"update: {error}") from error
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise RuleFailed(f"update returned {type(returned).__name__}; expected (state, Info)")
    _check_state(returned[0], state.theta)
    _check_info(returned[1])
    return returned


def require_keepable(rule: Any, state: Any) -> None:
    """Raise RuleFailed if a checkpoint could not keep the rule's state."""
    if not is_serializable(state, rule):
        raise RuleFailed(
            f"a checkpoint cannot keep a {type(state).__name__}; expected tensors, plain values and dataclasses "
            "of the rule's own module"
        )


def _check_state(state: Any, before: Tensor) -> None:
    theta = getattr(state, "theta", None)
    if not isinstance(theta, Tensor):
        raise RuleFailed(f"the state {type(state).__name__} has a theta of {type(theta).__name__}; expected a tensor")
    found, expected = ((tuple(t.shape), t.dtype, t.device) for t in (theta, before))
    if found != expected:
        raise RuleFailed(f"theta is {_tensor(*found)}; expected {_tensor(*expected)}, as before the update")
    if theta.requires_grad:
        raise RuleFailed("theta requires a gradient and would keep every graph alive; detach it")


def _check_info(info: Any) -> None:
    if not isinstance(info, Info):
        raise RuleFailed(f"update returned {type(info).__name__} in place of an Info; expected algos.types.Info")
    _check_numbers(info, "Info")
    if problem := extras_problem(info.extras, COLUMNS):
        raise RuleFailed(f"Info.extras: {problem}")
    for name, kind in (("trials", Trial), ("reuses", Reuse)):
        members = getattr(info, name)
        if not isinstance(members, (tuple, list)) or not all(isinstance(member, kind) for member in members):
            raise RuleFailed(f"Info.{name} is {members!r:.200}; expected a tuple of {kind.__name__}")
        for member in members:
            _check_numbers(member, kind.__name__)


def _check_numbers(thing: Any, what: str) -> None:
    for field in fields(thing):
        kind = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", "")
        value = getattr(thing, field.name)
        if kind in PLAIN and not isinstance(value, PLAIN[kind]):  # type: ignore[arg-type]
            raise RuleFailed(f"{what}.{field.name} is a {type(value)}; expected {kind}({field.name})")


def _tensor(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> str:
    return f"{list(shape)} of {str(dtype).removeprefix('torch.')} on {device}"
