"""A tuning: the same number of settings for every rule, its default among them, on seeds that nothing is judged by."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from scipy.stats import qmc

from algos.search_space import Range
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
    """The [tuned] table of a matrix file: which tuning chose its settings, and by which seeds."""

    model_config = _STRICT

    matrix: str
    seeds: tuple[int, ...] = Field(strict=False)
    date: str = ""
    code: str = ""

    different = field_validator("seeds")(_different)


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


def points_of(space: Mapping[str, Range], default: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """`count` different settings of these hyper-parameters: the default first, the others from a Sobol sequence.

    The sequence is scrambled (Owen 1998) with one seed for all, so that rules with as many hyper-parameters try the
    same places of their ranges. Raises ValueError if the space has fewer settings, or nothing in it.
    """
    if not space:
        raise ValueError("it declares no range to tune over (algos/search_space.py)")
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
