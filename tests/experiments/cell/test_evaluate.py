import random

import numpy as np
import pytest
import torch

from algos.policies import Categorical, DiagonalGaussian, Policy
from experiments.cell.evaluate import Evaluator
from experiments.cell.failures import Paused
from experiments.cell.normalization import ObservationNormalizer


def judge(spec, action="sampled", episodes=7, stream="evaluation", bias=0.0):
    policy = Policy.mlp(4 if "Cart" in spec.env else 2, (8,), Categorical(2))
    theta = policy.init(torch.Generator().manual_seed(0), 0.0)
    theta[-1] += bias
    return Evaluator(spec, policy).run(theta, ObservationNormalizer(4, False), action, episodes, stream)


def test_every_episode_is_played_once_to_its_end(make_spec, fakes):
    result = judge(make_spec(fakes + "Counting-v0", env_kwargs={"length": 9}), episodes=10)
    np.testing.assert_array_equal(result.returns, [9.0] * 10)
    np.testing.assert_array_equal(result.lengths, [9] * 10)


def test_the_seeds_are_fixed_and_named(make_spec):
    spec = make_spec()
    np.testing.assert_array_equal(judge(spec).returns, judge(spec).returns)
    assert not np.array_equal(judge(spec).returns, judge(spec, stream="final").returns)
    assert not np.array_equal(judge(spec).returns, judge(make_spec(seed=1)).returns)


def test_with_mean_actions_the_episodes_do_not_depend_on_how_many_there_are(make_spec):
    spec = make_spec()
    few, many = judge(spec, "mean", 3), judge(spec, "mean", 9)
    np.testing.assert_array_equal(few.returns, many.returns[:3])


@pytest.mark.parametrize("action", ["sampled", "mean"])
def test_a_policy_that_always_pushes_one_way_falls_soon(make_spec, action):
    assert judge(make_spec(), action, bias=20.0).returns.max() < 12


def test_the_noise_is_the_same_for_every_policy(make_spec):
    policy = Policy.mlp(4, (8,), Categorical(2))
    evaluator = Evaluator(make_spec(), policy)
    returns = []
    for seed in range(4):
        theta = torch.randn(policy.network.size, generator=torch.Generator().manual_seed(seed))
        theta[-18:] = 0  # the last layer: whatever the others are, both actions are as likely
        returns.append(evaluator.run(theta, ObservationNormalizer(4, False), "sampled", 5, "evaluation").returns)
    for other in returns[1:]:
        np.testing.assert_array_equal(other, returns[0])


def test_an_episode_that_does_not_end_is_cut_where_there_is_no_time_limit(make_spec, fakes):
    result = judge(make_spec(fakes + "Endless-v0", eval_max_steps=7), episodes=10)
    np.testing.assert_array_equal(result.returns, [7.0] * 10)
    np.testing.assert_array_equal(result.lengths, [7] * 10)
    assert result.cut == 10


@pytest.mark.parametrize(("length", "cut"), [(6, 0), (7, 0), (8, 10)])
def test_one_that_ends_in_time_is_not_cut(make_spec, fakes, length, cut):
    assert (
        judge(make_spec(fakes + "Counting-v0", env_kwargs={"length": length}, eval_max_steps=7), episodes=10).cut == cut
    )


def test_the_setting_does_not_touch_an_environment_that_has_a_limit(make_spec):
    spec = make_spec("Pendulum-v1", eval_max_steps=7)
    policy = Policy.mlp(3, (8,), DiagonalGaussian(1))
    theta = policy.init(torch.Generator().manual_seed(0), 0.0)
    result = Evaluator(spec, policy).run(theta, ObservationNormalizer(3, False), "mean", 5, "evaluation")
    assert (result.lengths == 200).all() and result.cut == 0


def test_it_gives_up_at_the_step_at_which_it_is_told_to(make_spec, fakes):
    spec, asked = make_spec(fakes + "Endless-v0"), []
    policy = Policy.mlp(2, (8,), Categorical(2))
    theta = policy.init(torch.Generator().manual_seed(0), 0.0)

    def give_up():
        asked.append(True)
        return len(asked) == 5

    with pytest.raises(Paused, match="in an evaluation, which will be played again from the last checkpoint"):
        Evaluator(spec, policy).run(theta, ObservationNormalizer(2, False), "mean", 3, "evaluation", give_up)
    assert len(asked) == 5


def test_global_generators_are_those_of_the_stream_and_nobody_else_feels_it(make_spec, fakes):
    spec, other = make_spec(fakes + "Gambling-v0"), make_spec(fakes + "Gambling-v0", seed=1)
    state = random.getstate()
    first, again = judge(spec), judge(spec)
    np.testing.assert_array_equal(first.returns, again.returns)
    assert len(set(first.returns)) > 1 and random.getstate() == state
    assert not np.array_equal(first.returns, judge(other).returns)
    assert not np.array_equal(first.returns, judge(spec, stream="final").returns)
