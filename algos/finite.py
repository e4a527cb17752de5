"""Numbers that decide must be finite: comparisons with nan are false, and would pass for an answer."""

from math import isfinite

from torch import Tensor


class NonFinite(ArithmeticError):
    """A number that an update depends on is nan or infinite."""


def require_finite(**values: Tensor | float) -> None:
    """Raise NonFinite, naming the first number or tensor that is not finite; underscores in names become spaces."""
    for name, value in values.items():
        if not (value.isfinite().all() if isinstance(value, Tensor) else isfinite(value)):
            shown = "holds nan or infinity" if isinstance(value, Tensor) else f"is {value}"
            raise NonFinite(f"{name.replace('_', ' ')} {shown}")
