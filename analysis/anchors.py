"""The returns that scores are relative to: those of random and of reference policies, pinned in `references.csv`.

Every environment has anchors of the same kinds: actions drawn uniformly at random; the best fixed action, which sees
nothing either; and a strong policy, ours or a published one (`experiments/pin_references.py` measures them). Score 0 is
the better of the first two. Random actions alone would not do: on CliffWalking they fall from the cliff all day, and
standing still would score 0.91. Constant policies as a baseline: Bellemare et al. 2013, section 5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

REFERENCES = Path(__file__).with_name("references.csv")
KINDS = ("random", "fixed", "reference")
COLUMNS = ("env", "limit", "registered", "anchor", "policy", "kind", "mean", "n", "low", "high", "source")


@dataclass(frozen=True)
class Variant:
    """An environment of a plan."""

    env: str
    limit: int | None  # steps of an episode, where it is not the registered limit
    altered: bool  # whether anything else is not as gymnasium registers it
    cap: int | None = None  # steps at which an evaluated episode is cut if gymnasium has registered no limit


@dataclass(frozen=True)
class Scale:
    """The returns of score 0 and score 1 on one environment."""

    zero: float  # of score 0
    one: float  # of score 1
    random: float  # of uniformly random actions, which failed runs are counted at

    @property
    def pair(self) -> tuple[float, float]:
        return self.zero, self.one


def pinned(file: Path = REFERENCES) -> pd.DataFrame:
    """The anchors that this project has measured or found, COLUMNS."""
    table = pd.read_csv(file, dtype={"limit": "Int64", "n": "Int64"})
    return table.assign(registered=table.registered == "yes")


def given(env: str, zero: float, one: float) -> pd.DataFrame:
    """The anchors that a matrix file gives as `score = [zero, one]`."""
    rows = [("random", zero), ("reference", one)]
    made = [{"env": env, "anchor": anchor, "policy": "", "kind": "given", "mean": mean} for anchor, mean in rows]
    return pd.DataFrame(made, columns=list(COLUMNS)).assign(source="score in the matrix file")


def anchors_of(variants: Iterable[Variant], scores: dict[str, tuple[float, float]]) -> pd.DataFrame:
    """The anchors, COLUMNS, of the environments that have any.

    `scores` has those that the matrix file gives, which come before the pinned ones. The pinned ones hold for the
    environment as gymnasium registers it, with episodes cut at their own limit; for any other there are none.
    """
    table, parts = pinned(), []
    for variant in variants:
        if variant.env in scores:
            parts.append(given(variant.env, *scores[variant.env]))
        elif not variant.altered:
            parts.append(_of_limit(table[table.env == variant.env], variant))
    return pd.concat(parts, ignore_index=True) if parts else table.iloc[:0]


def _of_limit(table: pd.DataFrame, variant: Variant) -> pd.DataFrame:
    """The lines whose episodes are as long as the variant's."""
    if variant.limit is not None:
        return table[table.limit == variant.limit]
    return table[table.registered] if table.registered.any() else table[table.limit == variant.cap]


def scales(anchors: pd.DataFrame) -> dict[str, Scale]:
    """Environment -> its scale, of those whose anchors include random actions and a reference."""
    found = {}
    for env, part in anchors.groupby("env", sort=True):
        mean = dict(zip(part.anchor, part["mean"].astype(float), strict=True))
        if {"random", "reference"} <= mean.keys():
            zero = max(mean["random"], mean.get("fixed", mean["random"]))
            found[str(env)] = Scale(zero, mean["reference"], mean["random"])
    return found
