"""Names on screens, in messages and on command lines. A cell is called RULE/ENVIRONMENT/seedN."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from experiments.records import cell_name

_PATTERN = re.compile(r"(?P<rule>[^/]*)(?:/(?P<env>.*?))??(?:/seed(?P<seed>\d+|\*))?")


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


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """'did you mean X?', or what is known if nothing is near."""
    names = sorted(known)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(names)}"
