"""Every part that the project ships is in some rule, or in the critic of some setting: no part is there for itself."""

import dataclasses
import inspect
from typing import get_args

import pytest

import algos.ascent
import algos.curvature
from algos.estimators import surrogates
from algos.policies import Categorical, Policy
from algos.rules import RULES
from experiments.spec import Settings

NO_PARTS = {"AscentState", "Solution", "Unseen", "Evidence"}  # what parts are given and give
WEIGHTS = {name: {"weights": name} for name in surrogates.WEIGHTINGS}


def parts_in(thing):
    """The classes of a part and of all parts in it."""
    if isinstance(thing, (tuple, list)):
        return set().union(*map(parts_in, thing))
    if not dataclasses.is_dataclass(thing):
        return set()
    inner = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
    if hasattr(thing, "surrogate"):
        inner.append(thing.surrogate)
    return {type(thing)}.union(*map(parts_in, inner))


def reached():
    policy = Policy.mlp(2, (3,), Categorical(2))
    found = set()
    for factory in RULES.values():
        choices = list(WEIGHTS.values()) if "weights" in inspect.signature(factory).parameters else [{}]
        found |= set().union(*(parts_in(factory(policy, **hyper)) for hyper in choices))
    critics = get_args(Settings.model_fields["critic"].annotation)
    return found | set().union(*(parts_in(Settings(critic=critic).regression(0)) for critic in critics))


def shipped():
    """Frozen dataclasses among the public names of the packages that hold parts."""
    names = [(module, name) for module in (algos.ascent, algos.curvature) for name in module.__all__]
    names += [
        (surrogates, name)
        for name, value in vars(surrogates).items()
        if inspect.isclass(value) and value.__module__ == surrogates.__name__
    ]
    parts = {getattr(module, name) for module, name in names if name not in NO_PARTS}
    return sorted((p for p in parts if inspect.isclass(p) and dataclasses.is_dataclass(p)), key=lambda p: p.__name__)


@pytest.mark.parametrize("part", shipped(), ids=lambda part: part.__name__)
def test_some_rule_or_setting_reaches_the_part(part):
    assert part in reached(), f"{part.__name__} is in no rule and no setting: give it one, or delete it"
