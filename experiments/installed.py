"""What installed packages bring, each kind under a group that a package names in its pyproject.toml:

    [project.entry-points."policy_ascent.rules"]          (policy, *, name: type = default, ...) -> rule
    [project.entry-points."policy_ascent.networks"]       (obs_shape, outputs) -> torch.nn.Module
    [project.entry-points."policy_ascent.environments"]   a class, or a function that returns an environment
    [project.entry-points."policy_ascent.measures"]       (results, *, better="higher") -> a number per run
    [project.entry-points."policy_ascent.figures"]        (frame, ax, style, *, table="runs") -> ax

    NAME = "MODULE:FUNCTION"                              a line of each

A matrix file names them as NAME, where FILE.py:FUNCTION would stand for a file of one's own. Names of ours come first,
so that no package changes what a matrix file means. Nothing here needs torch.
"""

import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from experiments.outside import OutsideError

KINDS = ("rules", "networks", "environments", "measures", "figures")


def installed(kind: str) -> Mapping[str, EntryPoint]:
    """Name -> entry point of what installed packages bring, of one of KINDS."""
    return _on(kind, tuple(sys.path))


@cache
def _on(kind: str, path: tuple[str, ...]) -> Mapping[str, EntryPoint]:
    """Of packages on this path, the process's own: one that has forked cells may have had another."""
    return {point.name: point for point in sorted(entry_points(group=f"policy_ascent.{kind}"))}


def load_installed(kind: str, name: str) -> Callable[..., Any]:
    """The class or function of this name. Raises OutsideError if no package here has it, or its module fails."""
    point = installed(kind).get(name)
    if point is None:
        raise OutsideError(f"{name} is not among the {kind} of this project, nor of a package that is installed here")
    try:
        found: Callable[..., Any] = point.load()
    except (Exception, SystemExit) as error:  # whatever a package raises when it is imported
        raise OutsideError(f"{name} ({point.value}) cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise OutsideError(f"{name} ({point.value}) is no function")
    return found
