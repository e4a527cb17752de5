import numpy as np
import pytest

from algos.networks import MLP, Pixels
from algos.policies import Categorical, Policy
from experiments.cell.environments import make_environments
from experiments.cell.failures import EnvironmentFailed
from experiments.cell.rollout import Collector
from experiments.cell.streams import torch_stream


def collector(spec, obs_size=2):
    policy = Policy.mlp(obs_size, (8,), Categorical(2))
    environments = make_environments(spec.env, spec.env_kwargs, spec.settings.n_envs)
    return Collector(spec, policy, environments), policy.init(torch_stream(0, "theta"), -0.5)


def test_next_observations_are_the_true_ones_across_resets(make_spec, fakes):
    spec = make_spec(fakes + "Counting-v0", normalize_obs=False, n_envs=2, batch_size=24)
    collect, theta = collector(spec)
    rollout = collect.collect(theta)
    # episodes of five steps: obs counts 0..4 and the next ones 1..5, the fifth never shown as an observation
    np.testing.assert_array_equal(rollout.obs[:, 0, 0], [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1])
    np.testing.assert_array_equal(rollout.next_obs[:, 0, 0], [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2])
    np.testing.assert_array_equal(rollout.obs[:, 0, 1], [0] * 5 + [1] * 5 + [2] * 2)
    np.testing.assert_array_equal(rollout.times[:, 1], [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1])
    np.testing.assert_array_equal(np.flatnonzero(rollout.done[:, 0]), [4, 9])
    np.testing.assert_array_equal(rollout.returns, [5.0] * 4)
    for t in range(12):
        assert (rollout.episodes[t, 0] == rollout.episodes[0, 0]) == (t < 5)
    assert len(np.unique(rollout.episodes)) == 6


def test_episodes_go_on_from_one_batch_to_the_next(make_spec, fakes):
    collect, theta = collector(make_spec(fakes + "Counting-v0", normalize_obs=False, n_envs=2, batch_size=6))
    first, second = collect.collect(theta), collect.collect(theta)
    np.testing.assert_array_equal(first.obs[:, 0, 0], [0, 1, 2])
    np.testing.assert_array_equal(second.obs[:, 0, 0], [3, 4, 0])
    assert first.episodes[0, 0] == second.episodes[1, 0] != second.episodes[2, 0]


def test_truncation_ends_an_episode_and_is_not_termination(make_spec, fakes):
    spec = make_spec(fakes + "Counting-v0", env_kwargs={"truncate": True}, normalize_obs=False)
    collect, theta = collector(spec)
    rollout = collect.collect(theta)
    assert rollout.done.sum() == 4 * 3 and not rollout.terminated.any()


def test_the_normaliser_stands_still_within_a_rollout(make_spec):
    spec = make_spec()
    collect, theta = collector(spec, 4)
    first = collect.collect(theta)
    assert np.abs(first.obs).max() < 4, "nothing seen yet: observations as they are"
    second = collect.collect(theta)
    assert second.obs.dtype == np.float32 and 0.3 < second.obs.std() < 3
    np.testing.assert_allclose(collect.normalizer.moments.count, first.rewards.size + second.rewards.size)


def test_actions_outside_the_space_are_clipped_and_counted(make_spec):
    from algos.policies import DiagonalGaussian

    spec = make_spec("Pendulum-v1", budget=128)
    policy = Policy.mlp(3, (8,), DiagonalGaussian(1))
    theta = policy.init(torch_stream(0, "theta"), 3.0)
    environments = make_environments(spec.env, spec.env_kwargs, spec.settings.n_envs)
    rollout = Collector(spec, policy, environments).collect(theta)
    share = np.mean(np.abs(rollout.actions) > 2.0)
    assert share > 0.5 and rollout.clipped_actions == share


def test_a_rollout_says_how_its_observations_were_normalised(make_spec):
    told, theta = collector(make_spec(), 4)
    raw, _ = collector(make_spec(normalize_obs=False), 4)
    first = told.collect(theta)
    np.testing.assert_array_equal(first.normalization, [np.zeros(4), np.ones(4) + 1e-8])
    second = told.collect(theta)
    mean, std = second.normalization
    seen = first.obs.reshape(-1, 4)  # as they are: nothing had been seen before
    np.testing.assert_allclose(mean, seen.mean(0), rtol=1e-5)
    np.testing.assert_allclose(std, seen.std(0), rtol=1e-5)
    np.testing.assert_allclose(second.obs[0] * std + mean, first.next_obs[-1], rtol=1e-4, atol=1e-5)
    assert told.normalizer.constants[0] is not mean, "the next rollout's are others"
    assert raw.collect(theta).normalization is None


class Flattened(MLP):
    """An MLP over pictures."""

    def __call__(self, theta, x):
        return super().__call__(theta, x.flatten(1))


def test_pictures_stay_bytes_from_the_environment_to_the_batch(make_spec, fakes):
    spec = make_spec("space_environments:Photographs-v0", n_envs=2, batch_size=24)
    environments = make_environments(spec.env, {}, 2, flat=False)
    policy = Policy(Pixels(Flattened(12, (4,), 3)), Categorical(3))
    rollout = Collector(spec, policy, environments).collect(policy.init(torch_stream(0, "theta"), 0.0))
    assert rollout.obs.dtype == rollout.next_obs.dtype == np.uint8 and rollout.obs.shape == (12, 2, 4, 3, 1)
    assert rollout.normalization is None
    for t in range(12):
        going = ~rollout.done[t]
        if t < 11:
            np.testing.assert_array_equal(rollout.obs[t + 1, going], rollout.next_obs[t, going])
        shown = [set(np.unique(picture)) for picture in rollout.next_obs[t, ~going]]
        assert all(values == {100, 255} for values in shown), "the last picture of an episode is after ten steps"
        assert (rollout.obs[t].min((1, 2, 3)) == 10 * (t % 10)).all()


def test_a_picture_that_is_not_made_of_bytes_is_refused(fakes):
    environments = make_environments("space_environments:Photographs-v0", {"kind": "float64"}, 1, flat=False)
    with pytest.raises(EnvironmentFailed, match="an image of type float64; its space says bytes"):
        environments.reset(0, 0)


def test_numbers_in_rows_and_columns_are_normalised_as_flat_ones_are(make_spec, fakes):
    spec = make_spec("space_environments:Grid-v0")
    found = []
    for flat in (True, False):
        environments = make_environments(spec.env, {}, 4, flat=flat)
        policy = Policy((MLP if flat else Flattened)(6, (8,), 2), Categorical(2))
        collect, theta = Collector(spec, policy, environments), policy.init(torch_stream(0, "theta"), 0.0)
        found.append([collect.collect(theta).obs for _ in range(2)][1])
    assert found[1].shape == (16, 4, 2, 3) and found[1].dtype == np.float32
    np.testing.assert_array_equal(found[0], found[1].reshape(16, 4, 6))
