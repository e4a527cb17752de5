import random

import numpy as np
import torch

from experiments.cell.streams import global_generators, integer_seed, numpy_stream, torch_stream


def test_a_stream_is_known_by_seed_and_name():
    draw = lambda seed, name: numpy_stream(seed, name).random(3).tolist()  # noqa: E731
    assert draw(0, "a") == draw(0, "a")
    assert draw(0, "a") != draw(1, "a") and draw(0, "a") != draw(0, "b")
    assert torch.rand(3, generator=torch_stream(0, "a")).equal(torch.rand(3, generator=torch_stream(0, "a")))
    assert integer_seed(0, "a") == integer_seed(0, "a") != integer_seed(0, "b")


def test_streams_are_the_same_on_every_machine_and_day():
    assert integer_seed(3, "environment 0") == 802829922


def test_no_global_generator_moves():
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    numpy_stream(0, "a").random(3)
    torch.rand(3, generator=torch_stream(0, "a"))
    assert (np.random.get_state()[1] == before[0]).all() and torch.get_rng_state().equal(before[1])  # noqa: NPY002


def drawn():
    return random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002


def test_global_generators_are_seeded_inside_and_go_on_outside_as_if_nothing_had_been():
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    expected = [drawn(), drawn()]
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    found, inside = [drawn()], {}
    for seed, name in ((0, "a"), (0, "a"), (1, "a"), (0, "b")):
        with global_generators(seed, name):
            inside.setdefault((seed, name), []).append(drawn())
    found.append(drawn())
    assert found == expected
    assert inside[0, "a"][0] == inside[0, "a"][1]
    for numbers in zip(*(draws[0] for draws in inside.values()), strict=True):
        assert len(set(numbers)) == 3, "each generator knows seed and name"
