"""What a landscape is measured on: `exact.py` where the environment publishes its table, `sampled.py` elsewhere."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

NAN = float("nan")


@dataclass(frozen=True)
class Reading:
    """What is known of one theta. Returns are discounted; divergences are KL(old || new) over old's discounted states.

    `return_se` is of the difference from the return at the ground's own theta, episode by episode.
    """

    return_mean: float
    return_se: float
    surrogate: float
    kl: float
    max_kl: float
    bound: float = NAN
    average_bound: float = NAN


class Ground(Protocol):
    """One policy and its neighbourhood."""

    exact: bool
    rows: int  # states, or rows of the batch
    episodes: int  # behind each return, 0 where exact
    penalty: float  # C of the lower bound, nan where no bound is known

    @property
    def theta(self) -> Tensor:
        """[P], float64."""
        ...

    @property
    def gradient(self) -> Tensor:
        """Of the surrogate, and so of the return, at theta [P]."""
        ...

    def fisher(self, v: Tensor) -> Tensor:
        """F v [P]: v'Fv/2 is the quadratic model of `Reading.kl`."""
        ...

    def largest_curvature(self, v: Tensor) -> float:
        """max over states of v'F_s v: twice the quadratic model of `Reading.max_kl`."""
        ...

    def read(self, theta: Tensor) -> Reading:
        """Another theta [P]."""
        ...

    def close(self) -> None: ...
