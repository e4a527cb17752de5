"""Numbers that an environment reports about an episode in `info`.

The value at an episode's last step counts. An evaluation reports the mean over its episodes, and none if one of them
lacks the number: a mean over the others would be biased by that selection.
"""

from collections.abc import Sequence
from math import isfinite, isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.cell.failures import EnvironmentFailed

NAN = float("nan")


class EpisodeInfo:
    """Values [episodes, names], nan where an episode did not report one."""

    def __init__(self, episodes: int, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._values: NDArray[np.float64] = np.full((episodes, len(self._names)), NAN)

    def take(self, episode: int, info: Any) -> None:
        """Take the `info` of an episode's last step. Raises EnvironmentFailed for what is not a number."""
        if not isinstance(info, dict):
            raise EnvironmentFailed(f"info is a {type(info).__name__}; expected a dict")
        self._values[episode] = [number_of(name, info.get(name)) for name in self._names]

    def means(self) -> dict[str, float]:
        """Name -> mean over all episodes; nan, with a line in the log, if some of them did not report it."""
        said = (~np.isnan(self._values)).sum(axis=0)
        for name, count in zip(self._names, said, strict=True):
            if count < len(self._values):
                print(f"info has {name} at the end of {count} of {len(self._values)} episodes; no mean", flush=True)
        return {name: float(mean) for name, mean in zip(self._names, self._values.mean(axis=0), strict=True)}


def number_of(name: str, value: Any) -> float:
    """The number that `info` holds under a name; nan for None. Raises EnvironmentFailed for anything else."""
    found = np.asarray(NAN if value is None else value)
    if found.size != 1 or found.dtype.kind not in "biuf":
        raise EnvironmentFailed(f"info[{name!r}] is {type(value).__name__} {value!r:.100}; expected a number")
    number = float(found.reshape(()))
    if not (isfinite(number) or isnan(number)):
        raise EnvironmentFailed(f"info[{name!r}] is {number}; expected a finite number")
    return number
