"""A tuning: the same number of settings for every rule, its default among them, on seeds that nothing is judged by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from scipy.stats import qmc

from algos.search_space import Range
from experiments.records import parse_json, read_regular
from experiments.spec import LARGEST

MOST = 4096  # settings of a rule
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


def _different(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds) or not all(0 <= seed <= LARGEST for seed in seeds):
        raise ValueError("expected different seeds from 0 to 2^63 - 1")
    return seeds


class Tuning(BaseModel):
    """The [tune] table of a matrix file, whose rules then run at every one of their settings.

    The file's own seeds are those that the choices will be judged by, and its budgets those of that judgement.
    """

    model_config = _STRICT

    points: int = Field(16, ge=2, le=MOST, description="settings per rule, the default included")
    seeds: tuple[int, ...] = Field((100, 101, 102), strict=False, min_length=1)
    share: float = Field(1 / 3, gt=0, le=1, description="of each environment's budget")
    environments: tuple[str, ...] | None = Field(None, strict=False, description="all of the file's if not given")

    different = field_validator("seeds")(_different)

    def budget(self, whole: int) -> int:
        """Environment steps of a run, of what a judged run has."""
        return max(1, round(whole * self.share))


class Tuned(BaseModel):
    """The [tuned] table of a matrix file: it runs what a tuning chose.

    The file then takes all that it does not give itself from the matrix that was tuned, [tune] apart: environments
    with their whole budgets, settings and seeds. Every rule runs with the best one setting for all environments under
    its own name, with the best per environment as NAME(per environment), and as NAME(default).
    """

    model_config = _STRICT

    matrix: str = Field("tune", description="the matrix that was tuned: a shipped one or a TOML file")
    choices: str = Field("results/tune/choices.json", description="what `python -m analysis.tuning` wrote")
    settings: tuple[Literal["one", "each", "default"], ...] = Field(
        ("one", "each", "default"), strict=False, min_length=1
    )


class ChoicesError(Exception):
    """There are no choices to run; the message says why."""


@dataclass(frozen=True)
class Choices:
    """What a tuning found best."""

    seeds: tuple[int, ...]  # that chose
    rules: dict[str, dict[str, Any]]  # entry -> rule, one (a setting), each (environment -> a setting)

    def tables(self, tuned: Tuned, given: Mapping[str, Any]) -> dict[str, Any]:
        """Their [rules.NAME] tables; what the tuned matrix gave a rule stays."""
        found = {}
        for name, choice in self.rules.items():
            table = {**given.get(name, {}), "rule": choice["rule"]}
            if "one" in tuned.settings:
                found[name] = table | choice["one"]
            if "each" in tuned.settings:
                found[f"{name}(per environment)"] = table | choice["one"] | {"on": choice["each"]}
            if "default" in tuned.settings:
                found[f"{name}(default)"] = table
        return found


def read_choices(file: Path) -> Choices:
    """Raises ChoicesError."""
    try:
        found = parse_json(read_regular(file))
        rules = {
            str(name): {
                "rule": str(choice["rule"]),
                "one": dict(choice["one"]),
                "each": {str(env): dict(setting) for env, setting in choice["each"].items()},
            }
            for name, choice in found["rules"].items()
        }
        return Choices(tuple(int(seed) for seed in found["seeds"]), rules)
    except FileNotFoundError:
        raise ChoicesError(
            f"{file}: no such file; first run_matrix.py tune, then python -m analysis.tuning results/tune"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ChoicesError(f"{file} is not what analysis.tuning writes: {type(error).__name__}: {error}") from error


def overlap(tuning: Iterable[int], judging: Iterable[int]) -> str | None:
    """What is wrong if seeds of tuning are judged by too."""
    both = sorted(set(tuning) & set(judging))
    if not both:
        return None
    shown = ", ".join(map(str, both[:5])) + (", ..." if len(both) > 5 else "")
    return (
        f"seeds {shown} tune and judge; the best of many settings flatters itself on the seeds that it was chosen by, "
        "so give each their own"
    )


def places_of(space: Mapping[str, Range], hyper: Mapping[str, Any]) -> dict[str, float]:
    """Where a setting lies in each range that holds it, from 0 to 1: for an analysis to lay settings out evenly."""
    return {name: values.position(hyper[name]) for name, values in space.items() if hyper[name] in values}


def points_of(space: Mapping[str, Range], default: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """`count` different settings of these hyper-parameters: the default first, the others from a Sobol sequence.

    The sequence is scrambled (Owen 1998) with one seed for all, so that rules with as many hyper-parameters try the
    same places of their ranges. Raises ValueError if the space has fewer settings, or nothing in it,
    or lacks the default.
    """
    if not space:
        raise ValueError("it declares no range to tune over (algos/search_space.py)")
    for name, values in space.items():
        if default[name] not in values:
            raise ValueError(f"its default {name} = {default[name]!r} is not in the range that it declares, {values}")
    found = [{name: default[name] for name in space}]
    sequence = qmc.Sobol(len(space), scramble=True, rng=0)
    for row in sequence.random(2 ** (4 * count).bit_length()):
        point = {name: values.at(float(u)) for (name, values), u in zip(space.items(), row, strict=True)}
        if len(found) == count:
            break
        if point not in found:
            found.append(point)
    if len(found) < count:
        raise ValueError(f"its ranges have no more than {len(found)} settings, fewer than {count} points")
    return found
