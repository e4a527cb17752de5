"""Which rows of a batch make a step, and which judge it."""

from dataclasses import dataclass, replace
from typing import Protocol

from algos.ascent.crossfit import parted
from algos.types import Batch


class Split(Protocol):
    def parts(self, batch: Batch) -> tuple[Batch, Batch]:
        """The rows that make the step, and those that judge it; both the batch itself where all rows do both."""
        ...


@dataclass(frozen=True)
class NoSplit:
    """All rows do both."""

    def parts(self, batch: Batch) -> tuple[Batch, Batch]:
        return batch, batch


@dataclass(frozen=True)
class InSample:
    """All rows make the step, and all judge it as if they had not seen it."""

    def parts(self, batch: Batch) -> tuple[Batch, Batch]:
        return batch, replace(batch)


@dataclass(frozen=True)
class HoldOut:
    """Every n-th environment only judges, or every n-th episode of one environment.

    So judges are as independent of the step as episodes are of each other. A batch of one episode judges itself.
    """

    every: int = 4

    def __post_init__(self) -> None:
        if self.every < 2:
            raise ValueError(f"every must be at least 2, got {self.every}: some rows have to make the step")

    def parts(self, batch: Batch) -> tuple[Batch, Batch]:
        making, judging = parted(batch, self.every) or (batch, batch)
        return making, judging
