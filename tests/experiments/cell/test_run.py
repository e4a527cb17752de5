import numpy as np
import pytest
import torch

from algos.rules import RULES
from experiments.cell.run import Run


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_all_rules_start_from_the_same_policy_and_the_same_first_rollout(make_spec, env):
    runs = [Run(make_spec(env, rule)) for rule in RULES]
    first = runs[0]
    rollouts = [run.collector.collect(run.state.theta) for run in runs]
    for run, rollout in zip(runs[1:], rollouts[1:], strict=True):
        assert run.state.theta.equal(first.state.theta) and run.critic_state.theta.equal(first.critic_state.theta)
        for name, values in vars(rollout).items():
            np.testing.assert_array_equal(values, getattr(rollouts[0], name), err_msg=name)


def test_what_samples_is_seeded_by_the_run(make_spec):
    """Shuffles of a rule and of the critic: other ones for another seed, the same in a rerun."""
    first, again, other = (Run(make_spec(rule="ppo", critic="adam", seed=seed)) for seed in (0, 0, 1))
    assert first.rule.seed == again.rule.seed != other.rule.seed
    assert first.critic.regression.seed == again.critic.regression.seed != other.critic.regression.seed
    assert first.rule.seed != first.critic.regression.seed
    assert "seed" not in first.spec.hyper, "no hyper-parameter, and none that a matrix could sweep"
    batch, returns, _ = first.estimate(first.collector.collect(first.state.theta))
    for part in ("rule", "critic"):
        a, b, c = (
            run.rule.update(first.state, batch)[0].theta
            if part == "rule"
            else run.critic.fit(first.critic_state, batch.obs, returns).theta
            for run in (first, again, other)
        )
        assert a.equal(b) and not a.equal(c), part


def test_a_time_limit_bootstraps_and_a_termination_does_not(make_spec, fakes):
    means = {}
    for truncate in (False, True):
        spec = make_spec(
            fakes + "Counting-v0", env_kwargs={"truncate": truncate}, scale_rewards=False, normalize_advantages=False
        )
        run = Run(spec)
        run.critic_state.theta[-1] = 100.0  # every state is worth about 100
        rollout = run.collector.collect(run.state.theta)
        _, returns, _ = run.estimate(rollout)
        means[truncate] = float(returns.view(rollout.rewards.shape)[rollout.done].mean())
    assert means[False] == pytest.approx(1.0)
    assert means[True] == pytest.approx(1.0 + 0.99 * 100, rel=0.05)


def test_the_batch_carries_what_undoes_the_normalisation(make_spec):
    run = Run(make_spec())
    rollout = run.collector.collect(run.state.theta)
    batch, _, _ = run.estimate(rollout)
    assert float(batch.advantages.mean()) == pytest.approx(0, abs=1e-6)
    assert float(batch.advantages.std()) == pytest.approx(1, rel=1e-4)
    raw = Run(make_spec(normalize_advantages=False))
    expected, _, _ = raw.estimate(raw.collector.collect(raw.state.theta))
    undone = batch.advantages * batch.advantage_scale + batch.advantage_mean
    np.testing.assert_allclose(undone.numpy(), expected.advantages.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_a_learner_on_the_gpu_does_what_one_on_the_cpu_does(make_spec, env):
    first, second = (Run(make_spec(env, device=device)) for device in ("cpu", "cuda"))
    for run in (first, second):
        list(run.step())
    assert second.state.theta.device.type == second.critic_state.theta.device.type == "cuda"
    torch.testing.assert_close(second.state.theta.cpu(), first.state.theta, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(second.critic_state.theta.cpu(), first.critic_state.theta, rtol=1e-3, atol=1e-5)
