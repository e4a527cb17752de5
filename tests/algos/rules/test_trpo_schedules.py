from dataclasses import replace

import pytest
import torch
from algos_cases import on_perceptrons

from algos.ascent import AscentRule, Backtracking, BySignal, Fixed, Gradient, HoldOut, LocalModel, SurrogateImproves
from algos.rules import RULES


def test_the_share_of_signal_is_that_of_the_halves_gradients(problem):
    """With the identity for F and one step length for both halves: (g'g - d'd) / g'g, from the batch's own halves."""
    batch = replace(problem.batch, n_envs=2, episodes=torch.arange(60) % 2)
    rule = AscentRule(
        problem.policy, Gradient(), Fixed(1e-4), Backtracking((SurrogateImproves(),)), BySignal(0.0, 1e-9)
    )
    state, _ = rule.update(rule.init(problem.theta), batch)
    a, b = (LocalModel(problem.policy, problem.theta, half).gradient for half in HoldOut(2).parts(batch))
    g, d = (a + b) / 2, (a - b) / 2
    share = float((g @ g - d @ d) / (g @ g))
    assert state.scale == pytest.approx(min(max(share, 1e-9), 1.0), rel=1e-9)


@on_perceptrons
@pytest.mark.parametrize("noise", [0.0, 1e6])
def test_a_radius_follows_the_signal(problem, noise):
    """Advantages that every lane shares, and advantages of noise alone."""
    g = torch.Generator().manual_seed(3)
    batch = replace(problem.batch, n_envs=4)
    model = LocalModel(problem.policy, problem.theta, batch)
    direction = torch.randn(len(problem.theta), generator=g).double()
    shared = (model.score * model._linear.jvp(direction)).sum(-1)
    rule = RULES["trpo_signal"](problem.policy, decay=0.9)
    scales, state = [], rule.init(problem.theta)
    for _ in range(30):
        disturbed = shared + noise * torch.randn(60, generator=g, dtype=torch.float64)
        state, info = rule.update(replace(state, theta=problem.theta), replace(batch, advantages=disturbed))
        scales.append(state.scale)
        assert info.radius == pytest.approx(0.02 * ([1.0, *scales][len(scales) - 1]))
    mean = sum(scales[10:]) / 20
    assert mean > 0.5 if noise == 0 else mean < 0.25, scales


def test_steps_that_go_on_grow_and_steps_that_turn_back_shrink(problem):
    """The same batch again at the same theta agrees with the last step; its negative does not."""
    rule = RULES["trpo_hypergradient"](problem.policy, rate=0.3)
    first, _ = rule.update(rule.init(problem.theta), problem.batch)
    assert first.scale == 1.0
    there = replace(first, theta=problem.theta)
    again, _ = rule.update(there, problem.batch)
    back, _ = rule.update(there, problem.with_advantages(-problem.batch.advantages))
    assert 1.2 < again.scale <= 1.35 and back.scale == pytest.approx(1 / again.scale)
