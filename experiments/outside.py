"""Rules from a user's own Python file, named `path/to/file.py:function` wherever a rule's name is expected."""

import hashlib
import sys
from pathlib import Path

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
    except Exception as error:  # whatever a user's file raises when it is imported
        raise OutsideRuleError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise OutsideRuleError(f"{file} has no function {function}")
    factory: RuleFactory = found
    return factory


def name_of(rule: str) -> str:
    """A rule's name without the folder of its file."""
    return rule.rpartition("/")[2] if is_outside(rule) else rule
