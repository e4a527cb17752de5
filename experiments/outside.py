"""Rules from a user's own Python file, named `path/to/file.py:function` wherever a rule's name is expected."""

import hashlib
import inspect
import sys
import typing
from pathlib import Path
from typing import Any

from algos.rules import RULES, RuleFactory
from experiments.loaded import load_file, source_of

LOADED: dict[str, str] = {}  # absolute path -> the name under which it was imported, once in a process


class OutsideRuleError(Exception):
    """The file gives no such rule; the message says why."""


def is_outside(rule: str) -> bool:
    """Whether this names a function in a file, not an entry of RULES."""
    return ".py:" in rule


def resolve(rule: str, base: Path) -> str:
    """The name with its path made absolute, relative ones being relative to the folder `base`."""
    file, _, function = rule.rpartition(":")
    return f"{(base / file).resolve()}:{function}"


def factory_of(rule: str) -> RuleFactory:
    """The factory of a rule, from RULES or from its file. Raises OutsideRuleError.

    The file is imported once in a process, whatever becomes of it then, and under a name made from its contents.
    """
    if not is_outside(rule):
        return RULES[rule]
    file, _, function = rule.rpartition(":")
    try:
        path = str(Path(file).resolve())
        if path not in LOADED:
            name = f"outside_rule_{hashlib.sha256(source_of(path)).hexdigest()[:12]}"
            if name not in sys.modules:
                load_file(name, path)
            LOADED[path] = name
        found = getattr(sys.modules[LOADED[path]], function, None)
    except (Exception, SystemExit) as error:  # whatever a user's file raises when it is imported
        raise OutsideRuleError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise OutsideRuleError(f"{file} has no function {function}")
    factory: RuleFactory = found
    return factory


def require_signature(rule: str) -> None:
    """Raise OutsideRuleError, saying what to write, if a factory is none of (policy, *, name: type = default, ...)."""
    name = name_of(rule)
    try:
        policy, *others = inspect.signature(factory_of(rule), eval_str=True).parameters.values()
    except OutsideRuleError:
        raise
    except ValueError as error:
        raise OutsideRuleError(
            f"{name} takes no policy; write def {name.rpartition(':')[2]}(policy, *, ...)"
        ) from error
    except Exception as error:  # annotations are the user's code too
        raise OutsideRuleError(f"the signature of {name} cannot be read: {type(error).__name__}: {error}") from error
    if policy.kind not in (policy.POSITIONAL_ONLY, policy.POSITIONAL_OR_KEYWORD):
        raise OutsideRuleError(f"{name} must take the policy first; its first parameter is {policy}")
    for parameter in others:
        wrong = f"{parameter.name} of {name}"
        if parameter.kind is not parameter.KEYWORD_ONLY:
            raise OutsideRuleError(f"{wrong} is not keyword-only; write `*` after the policy, and each keyword by name")
        if parameter.default is parameter.empty:
            raise OutsideRuleError(f"{wrong} has no default; a matrix file need not name every hyper-parameter")
        if parameter.annotation is parameter.empty:
            example = f"{parameter.name}: {type(parameter.default).__name__} = {parameter.default!r}"
            raise OutsideRuleError(
                f"{wrong} has no annotation; write {example}, so that what a file gives can be checked"
            )


def hints_of(rule: str) -> dict[str, Any]:
    """The annotations of a factory's keywords."""
    return {p.name: p.annotation for p in inspect.signature(factory_of(rule), eval_str=True).parameters.values()}


def takes_tuple(hint: Any) -> bool:
    """Whether a tuple is among what an annotation allows; TOML and JSON have lists in its place."""
    return typing.get_origin(hint) is tuple or hint is tuple or any(map(takes_tuple, typing.get_args(hint)))


def as_tuple(value: Any) -> Any:
    """Lists as tuples, however deep."""
    return tuple(map(as_tuple, value)) if isinstance(value, list) else value


def name_of(rule: str) -> str:
    """A rule's name without the folder of its file."""
    return rule.rpartition("/")[2] if is_outside(rule) else rule
