"""A run between two evaluations, on disk: everything that the rest of it depends on, and the rows so far.

The file is the SHA-256 of what `torch.save` wrote, and then that: a dictionary with, under `made_by`, the specification
and the code that made it, so that no other code has to understand it. It is read with `weights_only`: besides tensors
and plain values only the classes that `algos` and the rule's own module define can come out of it; no code can run.
"""

import hashlib
import io
import pickle
import sys
from pathlib import Path
from typing import Any

import torch

from experiments.records import read_regular, write_atomically


def save(file: Path, made_by: list[Any], state: dict[str, Any]) -> None:
    """All of `state` under that name, or what was there before."""
    payload = _packed(state | {"made_by": made_by})
    write_atomically(file, hashlib.sha256(payload).digest() + payload)


def load(file: Path, made_by: list[Any], rule: Any, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """What `save` was given, its tensors on `device`.

    None where there is no such file, and, with a line on what it is, one that is damaged, made by others, or anything
    else: the run then starts from 0.
    """
    try:
        return _read(file, made_by, rule, device)
    except FileNotFoundError:
        return None
    except Exception as error:  # torch has as many ways to fail as there are files that it did not write
        print(f"{file.name} is of no use, it starts from 0: {type(error).__name__}: {error!s:.300}", flush=True)
        return None


def _read(file: Path, made_by: list[Any], rule: Any, device: torch.device | str) -> dict[str, Any]:
    data = read_regular(file)
    digest, payload = data[:32], data[32:]
    if hashlib.sha256(payload).digest() != digest:
        raise ValueError("it does not match its checksum")
    found = _unpacked(payload, rule, device)
    if not isinstance(found, dict) or found.pop("made_by", None) != made_by:
        raise ValueError("another specification, other code or other libraries made it")
    return found


def is_serializable(state: Any, rule: Any) -> bool:
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
