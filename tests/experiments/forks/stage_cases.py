"""Small trunks on a problem whose returns are known, and on one whose are not."""

from typing import Any

from algos.rules import RULES
from experiments.forks.fork import Entry
from experiments.spec import hyper_parameters

LAKE: dict[str, Any] = {"env": "FrozenLake-v1", "batch_size": 256, "budget": 256, "evaluations": 1}
POLE: dict[str, Any] = {"env": "CartPole-v1", "batch_size": 64, "budget": 64, "evaluations": 1}


def entry(rule: str, label: str = "", **hyper: Any) -> Entry:
    """A rule with its defaults, or some of them replaced."""
    return Entry(rule, label or rule, {name: p.default for name, p in hyper_parameters(rule).items()} | hyper)


EVERY = [entry(rule) for rule in RULES]
