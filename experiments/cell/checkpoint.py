"""A run between two evaluations, on disk: everything that the rest of it depends on, and the rows so far.

The file is the SHA-256 of what `torch.save` wrote, and then that. It is read with `weights_only`: besides tensors and
plain values only the classes that `algos` and the rule's own module define can come out of it, and no code can run.
"""

import hashlib
import io
import pickle
import sys
from pathlib import Path
from typing import Any

import torch

from experiments.files import write_atomically


def save(file: Path, state: dict[str, Any]) -> None:
    """All of `state` under that name, or what was there before."""
    payload = _packed(state)
    write_atomically(file, hashlib.sha256(payload).digest() + payload)


def load(file: Path, rule: Any, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """What `save` was given, its tensors on `device`.

    None where there is no such file, or one that is damaged or holds anything else: the run then starts from 0.
    """
    try:
        data = file.read_bytes()
    except OSError:
        return None
    digest, payload = data[:32], data[32:]
    if hashlib.sha256(payload).digest() != digest:
        return None
    try:
        found: dict[str, Any] = _unpacked(payload, rule, device)
    except pickle.UnpicklingError:  # a class that is none of these, such as one that the code had before
        return None
    return found


def survives(state: Any, rule: Any) -> bool:
    """Whether a rule's state can be kept and read again."""
    try:
        _unpacked(_packed(state), rule, "cpu")
    except (pickle.PickleError, TypeError, AttributeError, NotImplementedError):  # as many ways as there are objects
        return False
    return True


def _packed(state: Any) -> bytes:
    sink = io.BytesIO()
    torch.save(state, sink)
    return sink.getvalue()


def _unpacked(payload: bytes, rule: Any, device: torch.device | str) -> Any:
    with torch.serialization.safe_globals(_classes(type(rule).__module__)):
        return torch.load(io.BytesIO(payload), weights_only=True, map_location=device)


def _classes(module_of_rule: str) -> list[Any]:
    """The classes whose instances a rule's state may hold."""
    modules = [m for name, m in sys.modules.items() if name.split(".")[0] == "algos" or name == module_of_rule]
    own = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    }
    return sorted(own, key=lambda c: f"{c.__module__}.{c.__qualname__}")
