"""What there is to run: rules and environments.

policy-ascent rules                       every rule in a line, its hyper-parameters and their defaults
policy-ascent rules trpo my.py:my_pg      some of them: formula, and where each default comes from
policy-ascent environments                environments with scores: what a score of 0 and of 1 is
policy-ascent environments Hopper-v5      some of them: what is observed, what is done, how they are stepped
policy-ascent environments --all          everything that gymnasium has registered

What installed packages bring (installed.py) is listed with ours.
"""

import csv
import difflib
import inspect
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill, shorten
from typing import Annotated, Any

import tyro

from experiments.names import did_you_mean

REFERENCES = Path(__file__).parents[1] / "analysis" / "references.csv"


@dataclass(frozen=True)
class Rules:
    """The rules."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """those to show whole, also FILE.py:FUNCTION (default: a line of each)"""


@dataclass(frozen=True)
class Environments:
    """The environments."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """those to show whole (default: a line of each that has scores)"""
    all: bool = False
    """a line of each that gymnasium has registered"""


Command = (
    Annotated[Rules, tyro.conf.subcommand("rules")] | Annotated[Environments, tyro.conf.subcommand("environments")]
)


def main(wanted: Rules | Environments) -> int:
    """The exit code: 0, or 2 for a name that there is not."""
    show = rules if isinstance(wanted, Rules) else environments
    try:
        for line in show(wanted):  # type: ignore[arg-type]
            print(line)
    except UnknownName as error:
        print(error, file=sys.stderr)
        return 2
    return 0


class UnknownName(Exception):
    """There is no such rule or environment; the message says what is near."""


def rules(wanted: Rules) -> Iterable[str]:
    """Two lines of every rule, or all that is known of some. Raises UnknownName."""
    from experiments.factories import rule_names

    if wanted.names:
        for name in wanted.names:
            yield from _whole_rule(name)
        return
    for name in rule_names():
        try:
            yield from _rule_in_short(name)
        except UnknownName as error:  # of a package that is broken; the others are listed all the same
            yield f"{name:24}{error}"
    yield f"\n{len(rule_names())} rules; `rules NAME` says where each default comes from. Your own: FILE.py:FUNCTION"


def _rule_in_short(name: str) -> list[str]:
    summary = inspect.cleandoc(_factory(name).__doc__ or "").split("\n\n")[0]
    defaults = ", ".join(f"{key}={value!r}" for key, value in _defaults(name).items())
    width = shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else 10**6
    return [f"{name:24}{shorten(summary, max(width - 24, 40), placeholder=' ...')}", f"{'':24}{defaults}"]


def _whole_rule(name: str) -> list[str]:
    """Its docstring, and a line per hyper-parameter: default, and what one would search."""
    from algos.search_space import search_space

    factory = _factory(name)
    lines = [name, "", inspect.cleandoc(factory.__doc__ or "It has no docstring."), ""]
    spaces = search_space(factory)
    for key, value in _defaults(name).items():
        lines.append(f"  {key} = {value!r}" + (f"; search {_range(spaces[key])}" if key in spaces else ""))
    return [*lines, ""]


def _range(space: Any) -> str:
    ends = f"from {space.low:g} to {space.high:g}" if hasattr(space, "low") else f"among {space.values}"
    return f"{ends} ({space.source})"


def _defaults(name: str) -> dict[str, object]:
    from experiments.spec import hyper_parameters

    return {key: parameter.default for key, parameter in hyper_parameters(name).items()}


def _factory(name: str) -> Callable[..., Any]:
    from experiments.factories import factory_of, require_signature, rule_names
    from experiments.outside import OutsideError, is_outside

    if not is_outside(name) and name not in rule_names():
        raise UnknownName(f"{name} is no rule; {did_you_mean(name, rule_names())}")
    try:
        require_signature(name)
        return factory_of(name)
    except OutsideError as error:
        raise UnknownName(str(error)) from error


def environments(wanted: Environments) -> Iterable[str]:
    """A line of environments, or all that is known of some. Raises UnknownName."""
    import gymnasium as gym

    from experiments.installed import installed

    pinned = anchors()
    if wanted.names:
        for name in wanted.names:
            yield from _whole_environment(name, pinned.get(name, {}))
        return
    shown = sorted(gym.registry) if wanted.all else sorted(env for env in pinned if env in gym.registry)
    yield f"{'environment':32}{'time limit':>11}{'score 0':>12}{'score 1':>12}"
    for env in shown:
        limit = gym.registry[env].max_episode_steps
        zero, one = (_number(pinned[env][end][0]) if env in pinned else "-" for end in ("zero", "reference"))
        yield f"{env:32}{limit if limit else '-':>11}{zero:>12}{one:>12}"
    packaged = {name: point.value for name, point in installed("environments").items() if name not in gym.registry}
    for name, place in packaged.items():
        yield f"{name:32}{place:>35}"
    more = len(gym.registry) - len(shown)
    yield f"\n{len(shown) + len(packaged)} environments" + (
        f"; {more} more are registered and have no scores: --all" if more else ""
    )
    yield "Scores: undiscounted returns, pinned in analysis/references.csv."


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def anchors() -> dict[str, dict[str, tuple[float, str]]]:
    """environment -> anchor -> (return, of which policy), at the registered time limit, of those that have a reference.

    The anchor "zero" is the better of random and of one fixed action.
    """
    found: dict[str, dict[str, tuple[float, str]]] = {}
    with open(REFERENCES, encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            if line["registered"] == "yes":
                found.setdefault(line["env"], {})[line["anchor"]] = float(line["mean"]), line["policy"]
    for own in found.values():
        own["zero"] = max(own[anchor] for anchor in ("random", "fixed") if anchor in own)
    return {env: own for env, own in found.items() if "reference" in own}


def _whole_environment(name: str, pinned: dict[str, tuple[float, str]]) -> list[str]:
    import gymnasium as gym

    from experiments.cell.environments import make_environments
    from experiments.cell.gym_environments import GymEnvironments
    from experiments.cell.probe import ProbeFailed, Prober
    from experiments.installed import installed

    known = [*gym.registry, *installed("environments")]
    if name not in known and ":" not in name:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "`environments --all` lists those that gymnasium has registered"
        raise UnknownName(f"{name} is no environment; {hint}")
    try:
        with Prober() as prober:
            prober.ask(name, {})
    except ProbeFailed as error:
        return [name, fill(f"cannot be used here: {error}", 100, initial_indent="  ", subsequent_indent="    "), ""]
    made = make_environments(name, {}, 1)
    env, limit = made.made[0], made.time_limit
    how = "through gymnasium" if type(made) is GymEnvironments else "lean, equal to gymnasium bit for bit"
    made.close()
    lines = [
        name,
        f"  observations  {env.observation_space}",
        f"  actions       {env.action_space}",
        f"  time limit    {f'{limit:,} steps' if limit else 'none'}",
        f"  stepped       {how}",
    ]
    for end, anchor in (("score 0", "zero"), ("score 1", "reference")):
        lines.append(f"  {end}       " + (f"{_number(pinned[anchor][0])}: {pinned[anchor][1]}" if pinned else "-"))
    return [*lines, ""]


if __name__ == "__main__":
    from experiments.console import run

    sys.exit(run(main, Command, __doc__))
