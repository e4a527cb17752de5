"""The factories of rules: their signatures are what a matrix file can give."""

import inspect
from typing import Any

from algos.rules import RuleFactory
from experiments.installed import installed_rule
from experiments.outside import OutsideError, is_outside, load, name_of


def factory_of(rule: str) -> RuleFactory:
    """The factory of a rule, from RULES, an installed package, or its file. Raises OutsideError."""
    if not is_outside(rule):
        return installed_rule(rule)
    factory: RuleFactory = load(rule)
    return factory


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
