from contextlib import closing

import numpy as np
import pytest
import torch
from stage_cases import LAKE, POLE

from algos.estimators import measure_change
from algos.policies import Categorical, Policy
from experiments.cell.oracle import finite_mdp
from experiments.cell.run import Run
from experiments.cell.spaces import Observations
from experiments.forks.judge import judge_of
from experiments.forks.stage import reach


@pytest.fixture
def case(make_spec, tmp_path):
    def of(case, episodes=6, **settings):
        spec = make_spec(**{**case, **settings})
        (stage,) = reach(spec, [case["batch_size"]], tmp_path)
        with closing(Run(spec)) as run:
            policy, observations = run.policy, run.collector.environments.observations
        return stage, policy, judge_of(spec, policy, observations, stage, episodes), spec

    return of


def seen(stage, size=16):
    mean = np.array(stage.moments["mean"])
    std = np.sqrt(np.array(stage.moments["squares"]) / stage.moments["count"]) + 1e-8
    return torch.from_numpy(np.clip((np.eye(size) - mean) / std, -10, 10))


def test_on_a_table_returns_are_exact_and_discounted(case):
    stage, policy, judge, spec = case(LAKE)
    moved = stage.theta + 0.3 * torch.randn(len(stage.theta), generator=torch.Generator().manual_seed(0))
    mdp = finite_mdp("FrozenLake-v1", {}, spec.settings.gamma)
    old, new = (policy.outputs(theta.double(), seen(stage)).softmax(-1).detach() for theta in (stage.theta, moved))
    worth = judge.worth(moved)
    assert judge.exact and judge.before == pytest.approx(float(mdp.eta(old)), rel=1e-4)
    assert worth.return_after == pytest.approx(float(mdp.eta(new)), rel=1e-4) and worth.gain_se == 0
    assert worth.exact_surrogate_gain == pytest.approx(float(mdp.surrogate(old, new) - mdp.eta(old)), rel=1e-3)


def test_the_exact_gradient_is_that_of_the_exact_return(case):
    stage, policy, judge, spec = case(LAKE)
    mdp, theta = finite_mdp("FrozenLake-v1", {}, spec.settings.gamma), stage.theta.double().requires_grad_()
    mdp.eta(policy.outputs(theta, seen(stage)).softmax(-1)).backward()
    torch.testing.assert_close(judge.gradient, theta.grad, rtol=1e-3, atol=1e-6)


def test_a_surrogate_gain_in_units_of_the_return_is_the_gain_to_first_order(make_spec, tmp_path):
    """Whole returns as advantages, many rows: along the exact gradient, what the held-out batch expects comes."""
    spec = make_spec("FrozenLake-v1", batch_size=4000, budget=4000, evaluations=1, gae_lambda=1.0, gamma=0.999)
    (stage,) = reach(spec, [0], tmp_path)
    policy = Policy.mlp(16, spec.settings.hidden, Categorical(4))
    judge = judge_of(spec, policy, Observations((16,)), stage, 2)
    step = (judge.gradient / judge.gradient.norm()).float() * 0.5
    expected = measure_change(policy, stage.theta, stage.theta + step, stage.held_out).surrogate_gain * judge.unit
    assert expected == pytest.approx(judge.worth(stage.theta + step).return_after - judge.before, rel=0.3)


def test_sampled_returns_are_paired_by_seed(case):
    stage, _, judge, _ = case(POLE)
    same = judge.worth(stage.theta.clone())
    assert same.return_after == judge.before and same.gain_se == 0, "the same policy plays the same episodes"
    assert judge.unit == pytest.approx(stage.batch.advantage_scale * stage.reward_scale * judge.before), "1 per step"
    pushed = stage.theta.clone()
    pushed[-1] += 20.0
    worth = judge.worth(pushed)
    assert worth.return_after < 12 and worth.gain_se > 0


def test_the_error_is_that_of_the_paired_difference(case, monkeypatch):
    stage, _, judge, _ = case(POLE, episodes=4)
    before = judge._returns.copy()
    gains = np.array([1.0, 2.0, 3.0, 4.0])
    played = type("Played", (), {"returns": before + gains})
    monkeypatch.setattr(judge._evaluator, "run", lambda *args: played)
    worth = judge.worth(stage.theta)
    assert worth.return_after - judge.before == pytest.approx(2.5)
    assert worth.gain_se == pytest.approx(gains.std(ddof=1) / 2)
