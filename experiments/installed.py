"""Rules of installed packages, which a package names in its pyproject.toml:

    [project.entry-points."policy_ascent.rules"]
    sign_pg = "my_package.rules:sign_pg"

Such a rule is then named like one of ours. Ours come first, so that no package changes what a matrix file means.
(Environments need nothing of us: gymnasium itself has the group `gymnasium.envs`, and MODULE:ID imports any module.)
"""

import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from algos.rules import RULES, RuleFactory
from experiments.outside import OutsideError

GROUP = "policy_ascent.rules"


def installed_rules() -> Mapping[str, EntryPoint]:
    """Name -> where it is, of the rules that installed packages bring and that have no name of ours."""
    return _on(tuple(sys.path))


@cache
def _on(path: tuple[str, ...]) -> Mapping[str, EntryPoint]:
    """Of packages on this path, the process's own: one that has forked cells may have had another."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in RULES}


def rule_names() -> tuple[str, ...]:
    """Every rule that can be named without a file: ours, then those of installed packages."""
    return (*RULES, *sorted(installed_rules()))


def installed_rule(name: str) -> RuleFactory:
    """The factory of a rule that has no file. Raises OutsideError if no package here has it, or its module fails."""
    if name in RULES:
        return RULES[name]
    point = installed_rules().get(name)
    if point is None:
        raise OutsideError(f"{name} is no rule of this project, nor of a package that is installed here")
    try:
        factory: RuleFactory = point.load()
    except (Exception, SystemExit) as error:  # whatever a package raises when it is imported
        raise OutsideError(f"{name} ({point.value}) cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(factory):
        raise OutsideError(f"{name} ({point.value}) is no function")
    return factory


def module_of_rule(name: str) -> str | None:
    """The module of a rule that has no file; None if there is no such rule."""
    if name in RULES:
        return RULES[name].__module__
    point = installed_rules().get(name)
    return None if point is None else point.module
