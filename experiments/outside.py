"""Rules from a user's own Python file, named `path/to/file.py:function` wherever a rule's name is expected."""

import hashlib
import importlib.util
import sys
from pathlib import Path

from algos.rules import RULES, RuleFactory


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

    The file is imported under a name made from its contents, so that two versions of it never meet.
    """
    if not is_outside(rule):
        return RULES[rule]
    file, _, function = rule.rpartition(":")
    try:
        name = f"outside_rule_{digest_of(rule)}"
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, file)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            try:
                spec.loader.exec_module(module)
            except BaseException:
                del sys.modules[name]
                raise
        found = getattr(sys.modules[name], function, None)
    except Exception as error:  # whatever a user's file raises when it is imported
        raise OutsideRuleError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise OutsideRuleError(f"{file} has no function {function}")
    factory: RuleFactory = found
    return factory


def digest_of(rule: str) -> str:
    """What the file of an outside rule held, as 12 hexadecimal digits; empty for a rule of RULES."""
    return hashlib.sha256(Path(rule.rpartition(":")[0]).read_bytes()).hexdigest()[:12] if is_outside(rule) else ""
