"""How a cell is called on screens, in messages and on command lines: RULE/ENVIRONMENT/seedN."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

_PATTERN = re.compile(r"(?P<rule>[^/]*)(?:/(?P<env>.*?))??(?:/seed(?P<seed>\d+|\*))?")


def cell_name(label: str, env: str, seed: int) -> str:
    """A cell by its rule's label, its environment and its seed."""
    return f"{label}/{env}/seed{seed}"


@dataclass(frozen=True)
class Pattern:
    """Some cells: RULE, RULE/ENVIRONMENT or RULE/ENVIRONMENT/seedN, with * as a wildcard; a rule or its label."""

    text: str

    def matches(self, rule: str, label: str, env: str, seed: int) -> bool:
        """Whether this cell is meant."""
        if self.text == cell_name(label, env, seed):  # whatever characters it is made of
            return True
        parts = _PATTERN.fullmatch(self.text)
        if parts is None:
            return False
        return (
            (_fits(label, parts["rule"]) or _fits(rule, parts["rule"]))
            and _fits(env, parts["env"] or "*")
            and _fits(str(seed), parts["seed"] or "*")
        )


def _fits(value: str, pattern: str) -> bool:
    return value == pattern or fnmatchcase(value, pattern)
