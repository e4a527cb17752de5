"""What lies between a piece of work and the arithmetic that it cannot do without, by turns in one process.

`body_ms` and `floor_ms` are CPU milliseconds; `over_floor` is the median of their ratios, with the lowest and highest.
"""

from dataclasses import replace
from typing import Any

import pytest
from alternating import compared
from fisher_bodies import batch_of, compiled, with_compiled_passes
from test_kernel import Case, bare_products, evidence, make

from algos.ascent import LocalModel
from algos.rules import RULES
from experiments.cell.compiled_steps import CompiledSteps

CASES = (Case(), Case(batch=16384), Case(width=256))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fisher_product_over_its_bare_products(benchmark: Any, case: Case) -> None:
    benchmark.group = f"Fisher-vector product over its floor, {case}"
    policy, theta, obs, v = make(case)
    product, multiply = compiled(policy, theta, obs), bare_products(policy, case)
    found = benchmark.pedantic(lambda: compared(lambda: product(v), multiply), rounds=1)
    benchmark.extra_info.update(found, **evidence("compiled", case, policy))


@pytest.mark.parametrize("name", RULES)
def test_update_of_a_rule_over_one_gradient(benchmark: Any, name: str) -> None:
    """An update beside the policy gradient alone: linearise, score, pull back."""
    benchmark.group = "update over one gradient"
    policy, theta, obs, _ = make(Case())
    policy = replace(with_compiled_passes(policy), steps=CompiledSteps.prepared(2))
    batch = batch_of(policy, theta, obs)
    rule = RULES[name](policy)
    state = rule.init(theta)
    _, info = rule.update(state, batch)
    rounds = 3 if info.gradient_evaluations > 100 else 15
    work = (lambda: rule.update(state, batch), lambda: LocalModel(policy, theta, batch).gradient)
    found = benchmark.pedantic(lambda: compared(*work, rounds=rounds), rounds=1)
    counts = {
        count: getattr(info, count) for count in ("gradient_evaluations", "fisher_products", "candidate_evaluations")
    }
    benchmark.extra_info.update(found, **counts)
