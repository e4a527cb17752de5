"""Checked on response surfaces whose answers are known."""

from itertools import combinations
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.tuning.measures import (
    GRID,
    best_of,
    best_of_each,
    break_even,
    charged,
    choose_each,
    choose_one,
    effective_dimensionality,
    over_environments,
    ranks,
    surface,
    tuned_for_all,
    tuned_per_environment,
)


def array(*values):
    return np.array(values, dtype=float)


def exact(scores, seeds=3):
    """Scores [S, E] without any noise, once per seed."""
    return np.repeat(np.asarray(scores, float)[:, :, None], seeds, axis=2)


PEAKS = exact([[1.0, 0.0, 0.6], [0.0, 1.0, 0.6], [0.7, 0.7, 0.6], [0.1, 0.1, 0.5]])  # settings x environments


def test_what_is_best_somewhere_and_what_is_best_for_all():
    ranked = ranks({"a": PEAKS})["a"]
    assert list(choose_each(PEAKS)) == [0, 1, 0] and choose_one(ranked) == 2
    assert list(tuned_per_environment(PEAKS)) == pytest.approx([1.0, 1.0, 0.6])
    assert list(tuned_for_all(PEAKS, ranked)) == pytest.approx([0.7, 0.7, 0.6])


def test_one_setting_for_all_is_chosen_by_ranks_among_the_runs_of_all_rules():
    """The second setting wins two environments narrowly; the first wins the third by a unit that is huge."""
    scores = {"a": exact([[1.0, 1.0, 1000.0], [1.1, 1.1, 1.0]])}
    assert choose_one(ranks(scores)["a"]) == 1 and choose_one(scores["a"]) == 0
    # another rule whose runs fall between the two on the third environment, and outside on the others
    crowd = {"b": exact([[0.0, 5.0, 500.0]] * 6)}
    assert choose_one(ranks(scores | crowd)["a"]) == 0
    ties = ranks({"a": exact([[1.0], [1.0], [2.0]], seeds=1)})["a"]
    assert list(ties.ravel()) == pytest.approx([1 / 3, 1 / 3, 5 / 6])
    with pytest.raises(ValueError, match="same environments for every rule"):
        ranks({"a": PEAKS, "b": PEAKS[:, :2]})


def test_a_choice_is_never_judged_by_the_runs_that_made_it():
    """Sixteen settings that are all alike: tuning gains nothing, though its own runs say half a unit and more."""
    noise = np.random.default_rng(100).normal(size=(16, 400, 3))
    assert noise.mean(axis=2).max(axis=0).mean() > 0.9
    held = tuned_per_environment(noise)
    assert abs(held.mean()) < 4 * held.std() / np.sqrt(len(held))
    for k in (1, 4, 16):
        gained = best_of_each(noise)[k - 1]
        assert abs(gained.mean()) < 4 * gained.std() / np.sqrt(len(gained))


def test_one_seed_cannot_choose_and_judge():
    assert np.isnan(tuned_per_environment(PEAKS[:, :, :1])).all()
    assert np.isnan(tuned_for_all(PEAKS[:, :, :1], PEAKS[:, :, :1])).all()
    assert np.isnan(best_of_each(PEAKS[:, :, :1])).all()


@given(st.lists(st.integers(0, 3), min_size=2, max_size=6), st.data())
def test_the_best_of_k_is_the_mean_over_all_draws(selection, data):
    size = len(selection)
    values = array(*data.draw(st.lists(st.floats(-2, 2), min_size=size, max_size=size)))
    k = data.draw(st.integers(1, size))
    found = []
    for draw in combinations(range(size), k):
        top = [i for i in draw if selection[i] == max(selection[j] for j in draw)]
        found.append(np.mean([values[[j for j in range(size) if selection[j] == selection[i]]].mean() for i in top]))
    assert best_of(array(*selection), values, k) == pytest.approx(np.mean(found), abs=1e-12)


def test_the_best_of_all_is_the_best_and_of_one_the_mean():
    scores = exact([[0.0], [1.0], [5.0]])
    assert list(best_of_each(scores)[:, 0]) == pytest.approx([2.0, 1 / 3 * 1 + 2 / 3 * 5, 5.0])
    with pytest.raises(ValueError, match="between 1 and 3 settings to try, got 4"):
        best_of(scores[:, 0, 0], scores[:, 0, 0], 4)


def test_tuning_is_paid_in_steps():
    assert charged(0.8, 0.0) == 0.8 and charged(0.8, 3.0) == pytest.approx(0.2)
    assert break_even(0.5, 0.75, 4.0) == pytest.approx(8.0), "12 budgets at .5 are 8 at .75"
    assert break_even(0.5, 0.5, 4.0) == inf


def test_the_interval_over_environments_covers():
    generator = np.random.default_rng(101)
    found = [over_environments(generator.normal(0.3, 1.0, 7)) for _ in range(2_000)]
    assert np.mean([it.low <= 0.3 <= it.high for it in found]) == pytest.approx(0.95, abs=0.015)
    assert np.isnan(over_environments(array(1.0, 2.0)).low)


def test_effective_dimensionality_counts_what_must_be_tuned_per_environment():
    """Of two hyper-parameters with two values each, on two environments."""
    one = np.zeros((2, 2, 2))
    one[0, :, 0] = one[1, :, 1] = 1.0  # the first decides, and differently on both; the second does not matter
    assert effective_dimensionality(one) == 1
    both = np.zeros((2, 2, 2))
    both[0, 0, 0] = both[1, 1, 1] = 1.0
    assert effective_dimensionality(both) == 2
    assert effective_dimensionality(np.ones((2, 2, 2))) == 0
    nearly = array([1.0, 0.95], [0.9, 1.0])
    assert effective_dimensionality(nearly) == 0, "0.975 of the best is near enough"
    assert effective_dimensionality(nearly, near=0.99) == 1
    assert effective_dimensionality(nearly[::-1], near=0.96) == 0, "wherever the best one setting stands"
    with pytest.raises(ValueError, match="tuned per environment is -1; expected a positive one"):
        effective_dimensionality(-np.ones((2, 2)))


def places(count, dimensions, seed=100):
    from scipy.stats import qmc

    return qmc.Sobol(dimensions, rng=seed).random(count)


@pytest.mark.parametrize(("count", "dimensions"), [(16, 2), (64, 3)])
def test_a_surface_finds_how_many_hyper_parameters_need_tuning(count, dimensions):
    """Environments whose best value of the first hyper-parameter differs; the others do not matter."""
    at = places(count, dimensions)
    fitted = [surface(at, 1 - 2 * (at[:, 0] - best) ** 2) for best in (0.1, 0.5, 0.9)]
    assert min(share for _, share in fitted) == pytest.approx(1.0)
    grids = np.stack([grid for grid, _ in fitted], axis=-1)
    assert grids.shape == (*[GRID] * dimensions, 3)
    assert effective_dimensionality(grids) == 1
    alike = [surface(at, 1 - 2 * (at[:, 0] - 0.5) ** 2)[0]] * 3
    assert effective_dimensionality(np.stack(alike, axis=-1)) == 0


def test_a_surface_through_noise_says_that_it_foretells_nothing():
    generator = np.random.default_rng(100)
    shares = [surface(places(16, 2), generator.normal(size=16))[1] for _ in range(20)]
    assert np.median(shares) < 0.1


def test_few_points_make_no_surface():
    assert np.isnan(surface(places(4, 2), np.ones(4))[1])
