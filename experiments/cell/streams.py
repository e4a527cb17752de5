"""One seed, many independent streams, each known by its name.

Two rules with the same seed share every stream, so their initial theta and first rollout are equal; drawing more
from one stream never moves another.
"""

import hashlib

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
