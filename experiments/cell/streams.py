"""One seed, many independent streams, each known by its name.

Two rules with the same seed share every stream, so their initial theta and first rollout are equal; drawing more
from one stream never moves another. Nothing here draws from python's, numpy's or torch's global generator; code of the
user's may, and gets the same numbers whenever the same seed runs again.
"""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def _sequence(seed: int, name: str) -> np.random.SeedSequence:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.SeedSequence(seed, spawn_key=tuple(np.frombuffer(digest[:16], dtype=np.uint32).tolist()))


def numpy_stream(seed: int, name: str) -> np.random.Generator:
    """The numpy generator of this name."""
    return np.random.default_rng(_sequence(seed, name))


def torch_stream(seed: int, name: str) -> torch.Generator:
    """The torch generator of this name."""
    return torch.Generator().manual_seed(integer_seed(seed, name))


def integer_seed(seed: int, name: str) -> int:
    """A seed below 2^31 for code that takes an integer, such as an environment's reset."""
    return int(_sequence(seed, name).generate_state(1, np.uint32)[0] >> 1)


def seed_global_generators(seed: int, name: str) -> None:
    """Set python's, numpy's and torch's global generator to where a stream of this name begins."""
    number = integer_seed(seed, f"global generators {name}")
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002
    torch.manual_seed(number)


@contextmanager
def global_generators(seed: int, name: str) -> Iterator[None]:
    """Seeded by this name inside; outside they go on as if nothing had been drawn."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    seed_global_generators(seed, name)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])
