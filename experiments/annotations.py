"""Tuples from TOML and JSON, which have lists only: annotations say where a tuple is meant."""

import typing
from typing import Any


def takes_tuple(hint: Any) -> bool:
    """Whether an annotation allows a tuple."""
    return typing.get_origin(hint) is tuple or hint is tuple or any(map(takes_tuple, typing.get_args(hint)))


def as_tuple(value: Any) -> Any:
    """Convert nested lists to tuples."""
    return tuple(map(as_tuple, value)) if isinstance(value, list) else value
