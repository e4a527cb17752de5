"""Whole updates made of many small steps, by torch's operators and compiled, beside one step on the whole batch.

2,048 rows of 16 environments, 64x64 tanh: 320 steps of 64 rows for `ppo` and the critic, 128 of 16 for `per_step_pg`.
"""

from dataclasses import replace

import pytest
import torch
from algos_cases import make_large

from algos.estimators import Fitted, MinibatchAdam
from algos.networks import MLP
from algos.optim import TORCH_STEPS
from algos.policies import Categorical, DiagonalGaussian
from algos.rules import RULES
from experiments.cell.compiled import CompiledPasses
from experiments.cell.compiled_steps import CompiledSteps

SPACES = {"HalfCheetah": (DiagonalGaussian(6), 17), "CartPole": (Categorical(2), 4)}
STEPS = {"torch": TORCH_STEPS, "compiled": CompiledSteps()}


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("name", ["ppo", "per_step_pg", "vanilla_pg"])
@pytest.mark.parametrize("space", SPACES)
def test_update(benchmark, space, name, steps):
    """`vanilla_pg` takes one step, and knows nothing of how many are taken: it is the measure of `per_step_pg`."""
    benchmark.group = f"update, spaces of {space}"
    problem = make_large(*SPACES[space])
    network = replace(problem.policy.network, passes=CompiledPasses())
    rule = RULES[name](replace(problem.policy, network=network, steps=STEPS[steps]))
    state = rule.init(problem.theta)
    _, info = benchmark(rule.update, state, problem.batch)
    benchmark.extra_info.update(gradient_evaluations=info.gradient_evaluations, threads=torch.get_num_threads())


@pytest.mark.parametrize("steps", STEPS)
def test_fit_of_a_critic_by_adam(benchmark, steps):
    benchmark.group = "fit of a critic by Adam, 17 observations"
    batch, network = make_large(*SPACES["HalfCheetah"]).batch, MLP(17, (64, 64), 1, passes=CompiledPasses())
    start = Fitted(network.init(torch.Generator().manual_seed(0), last_gain=1.0))
    benchmark(MinibatchAdam(steps=STEPS[steps]).fit, network, start, batch.obs, batch.advantages)
    benchmark.extra_info.update(threads=torch.get_num_threads())
