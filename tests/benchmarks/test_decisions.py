"""What a line search asks of a candidate, in double as it is computed, and in single, as it would be quicker and wrong.

2,048 rows of 64x64 policies with the spaces of HalfCheetah and of CartPole, at a step as short as theory's penalty
takes. Beside them stands one update of `trpo`, whose part they are.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from algos_cases import Problem, make_large

from algos.ascent import LocalModel, Natural
from algos.policies import Categorical, DiagonalGaussian
from algos.rules import RULES

CASES = {"HalfCheetah": (DiagonalGaussian(6), 17), "CartPole": (Categorical(2), 4)}
SHORT = 1e-4  # of the natural direction


def in_double(large: Problem, new: torch.Tensor) -> tuple[float, float, float]:
    """Surrogate gain, mean and largest KL, the forward pass at theta included, as `LocalModel` computes them."""
    candidate = LocalModel(large.policy, large.theta, large.batch).candidate(new)
    return candidate.surrogate_gain, candidate.kl, candidate.max_kl


def in_single(large: Problem, new: torch.Tensor) -> tuple[float, float, float]:
    """The same without a cast."""
    policy, batch = large.policy, large.batch
    old, outputs = policy.outputs(large.theta, batch.obs), policy.outputs(new, batch.obs)
    value = [((policy.family.log_prob(d, batch.actions) - batch.log_probs).exp() * batch.advantages).mean()
             for d in (old, outputs)]  # fmt: skip
    kl = policy.family.kl(old, outputs)
    return float(value[1]) - float(value[0]), float(kl.mean()), float(kl.max())


BODIES: dict[str, Callable[..., tuple[float, float, float]]] = {"double": in_double, "single": in_single}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("case", CASES)
def test_gain_and_divergence_of_a_candidate(benchmark: Any, case: str, body: str) -> None:
    """`kl_error`: relative to the quadratic model, which is as good as exact at this length."""
    benchmark.group = f"gain and divergence, {case}"
    large = make_large(*CASES[case])
    with torch.no_grad():
        heading = Natural().solve(LocalModel(large.policy, large.theta, large.batch))
        _, kl, _ = benchmark(BODIES[body], large, large.theta + SHORT * heading.vector)
    quadratic = SHORT**2 * heading.curvature / 2
    assert body == "single" or kl == pytest.approx(quadratic, rel=0.02)
    benchmark.extra_info.update(kl=kl, kl_error=abs(kl / quadratic - 1), threads=torch.get_num_threads())


@pytest.mark.parametrize("case", CASES)
def test_whole_update(benchmark: Any, case: str) -> None:
    benchmark.group = f"gain and divergence, {case}"
    large = make_large(*CASES[case])
    rule = RULES["trpo"](large.policy)
    _, info = benchmark(rule.update, rule.init(large.theta), large.batch)
    benchmark.extra_info.update(trials=len(info.trials), threads=torch.get_num_threads())
