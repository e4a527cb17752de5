"""What an annotation says that TOML and JSON cannot: they have lists in the place of tuples."""

import typing
from typing import Any


def takes_tuple(hint: Any) -> bool:
    """Whether a tuple is among what an annotation allows."""
    return typing.get_origin(hint) is tuple or hint is tuple or any(map(takes_tuple, typing.get_args(hint)))


def as_tuple(value: Any) -> Any:
    """Lists as tuples, however deep."""
    return tuple(map(as_tuple, value)) if isinstance(value, list) else value
