"""The factories of rules: their signatures are what a matrix file can give."""

import inspect
from typing import Any

from algos.rules import RULES, RuleFactory
from experiments.installed import installed, load_installed
from experiments.outside import OutsideError, is_outside, load, name_of


def factory_of(rule: str) -> RuleFactory:
    """The factory of a rule, from RULES, an installed package, or its file. Raises OutsideError."""
    if rule in RULES:
        return RULES[rule]
    factory: RuleFactory = load(rule) if is_outside(rule) else load_installed("rules", rule)
    return factory


def rule_names() -> tuple[str, ...]:
    """Every rule that can be named without a file: ours, then those of installed packages that have no name of ours."""
    return (*RULES, *sorted({*installed("rules")} - {*RULES}))


def module_of_rule(name: str) -> str | None:
    """The module of a rule that has no file; None if there is no such rule."""
    if name in RULES:
        return RULES[name].__module__
    point = installed("rules").get(name)
    return None if point is None else point.module


def require_signature(rule: str) -> None:
    """Raise OutsideError, saying what to write, if a factory is none of (policy, *, name: type = default, ...)."""
    name = name_of(rule)
    try:
        policy, *others = inspect.signature(factory_of(rule), eval_str=True).parameters.values()
    except OutsideError:
        raise
    except ValueError as error:
        raise OutsideError(f"{name} takes no policy; write def {name.rpartition(':')[2]}(policy, *, ...)") from error
    except Exception as error:  # annotations are the user's code too
        raise OutsideError(f"the signature of {name} cannot be read: {type(error).__name__}: {error}") from error
    if policy.kind not in (policy.POSITIONAL_ONLY, policy.POSITIONAL_OR_KEYWORD):
        raise OutsideError(f"{name} must take the policy first; its first parameter is {policy}")
    for parameter in others:
        wrong = f"{parameter.name} of {name}"
        if parameter.kind is not parameter.KEYWORD_ONLY:
            raise OutsideError(f"{wrong} is not keyword-only; write `*` after the policy, and each keyword by name")
        if parameter.default is parameter.empty:
            raise OutsideError(f"{wrong} has no default; a matrix file need not name every hyper-parameter")
        if parameter.annotation is parameter.empty:
            example = f"{parameter.name}: {type(parameter.default).__name__} = {parameter.default!r}"
            raise OutsideError(f"{wrong} has no annotation; write {example}, so that what a file gives can be checked")


def hints_of(rule: str) -> dict[str, Any]:
    """The annotations of a factory's keywords."""
    return {p.name: p.annotation for p in inspect.signature(factory_of(rule), eval_str=True).parameters.values()}
