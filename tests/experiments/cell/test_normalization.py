import numpy as np
import pytest

from experiments.cell.normalization import ObservationNormalizer, RewardScaler, RunningMoments, normalizer_of
from experiments.cell.spaces import Observations


def test_moments_merged_batch_by_batch_equal_those_of_all_rows():
    rows = np.random.default_rng(0).normal(3, 2, (100, 2))
    moments = RunningMoments((2,))
    for part in (rows[:1], rows[1:40], rows[40:]):
        moments.update(part)
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.std, rows.std(0), rtol=1e-12)


def test_moments_survive_a_large_offset():
    moments = RunningMoments(())
    for part in np.split(1e9 + np.random.default_rng(0).normal(0, 1, 1000), 10):
        moments.update(part)
    assert 0.9 < float(moments.std) < 1.1


def test_observations_are_scaled_and_clipped():
    normalizer = ObservationNormalizer(1, enabled=True)
    normalizer.update(np.array([[0.0], [2.0]]))
    np.testing.assert_allclose(normalizer(np.array([[1.0], [2.0], [1e6]])), [[0], [1], [10]], atol=1e-6)


def test_switched_off_it_only_converts():
    normalizer = ObservationNormalizer(1, enabled=False)
    normalizer.update(np.array([[5.0], [9.0]]))
    assert normalizer(np.array([[20.0]])) == np.float32(20.0)


def test_rewards_are_divided_by_the_std_of_the_discounted_return():
    scaler = RewardScaler(1, 0.5, enabled=True)
    rewards = np.array([[1.0], [1.0], [1.0], [1.0]])
    done = np.array([[False], [True], [False], [False]])
    # discounted returns 1, 1.5, then a new episode: 1, 1.5
    np.testing.assert_allclose(scaler(rewards, done), rewards / np.std([1, 1.5, 1, 1.5]), rtol=1e-6)


@pytest.mark.parametrize("reward", [1.0, 0.1, -5.0, 1e7, 3e-9])
def test_rewards_that_are_all_the_same_are_divided_by_their_magnitude(reward):
    scaler = RewardScaler(3, 0.99, enabled=True)
    for _ in range(5):
        scaled = scaler(np.full((40, 3), reward), np.ones((40, 3), dtype=bool))
        np.testing.assert_allclose(scaled, np.sign(reward), rtol=1e-9)


def test_rewards_of_nothing_stay_nothing():
    scaler = RewardScaler(1, 0.99, enabled=True)
    assert (scaler(np.zeros((4, 1)), np.zeros((4, 1), dtype=bool)) == 0).all() and scaler.scale == 1.0


def test_a_large_number_that_never_changes_is_seen_as_nothing():
    normalizer, number = ObservationNormalizer(1, enabled=True), 75791662801.07816
    for rows in (7, 64, 2048):  # of which the mean is not exact
        normalizer.update(np.full((rows, 1), number))
    assert np.abs(normalizer(np.full((1, 1), number))).max() < 1e-3


def test_pictures_are_left_alone():
    normalizer, pictures = (
        normalizer_of(Observations((2, 2, 1), 255), enabled=True),
        np.full((3, 2, 2, 1), 200, np.uint8),
    )
    normalizer.update(pictures)
    assert normalizer(pictures) is pictures and normalizer.constants is None and normalizer.moments.count == 0
    again = ObservationNormalizer.of(normalizer.moments.mean, normalizer.moments.std, enabled=True)
    assert again(pictures) is pictures


def test_a_policys_row_makes_the_same_normaliser_again():
    normalizer, rows = (
        normalizer_of(Observations((2, 3)), enabled=True),
        np.random.default_rng(0).normal(3, 2, (50, 2, 3)),
    )
    normalizer.update(rows)
    again = ObservationNormalizer.of(normalizer.moments.mean, normalizer.moments.std, enabled=True)
    np.testing.assert_allclose(again(rows), normalizer(rows), rtol=1e-6)
    assert again(rows).shape == rows.shape
