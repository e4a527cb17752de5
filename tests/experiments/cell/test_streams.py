import numpy as np
import torch

from experiments.cell.streams import integer_seed, numpy_stream, torch_stream


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
