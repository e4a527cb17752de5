"""Which way to go. The length of a direction means nothing until a step size is chosen.

What a direction remembers (Adam's moments) moves on with every batch, also where the step is then rejected.
"""

from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any, Protocol

import torch
from torch import Tensor

from algos import optim
from algos.ascent.local_model import LocalModel
from algos.curvature import Fisher, Kronecker, Metric, Preconditioner, Unpreconditioned, conjugate_gradient
from algos.finite import require_finite
from algos.types import NAN


@dataclass(frozen=True)
class Heading:
    """A direction s [P] with the slope g's of the surrogate along it."""

    model: LocalModel
    vector: Tensor
    slope: float
    damping: float = 0.0
    cg_iterations: float = NAN
    cg_residual: float = NAN

    def __post_init__(self) -> None:
        require_finite(slope_of_the_direction=self.slope)

    @cached_property
    def curvature(self) -> float:
        """s'Fs, undamped: twice the quadratic model of the mean KL at theta + s."""
        return self.model.curvature(self.vector)

    @property
    def known_curvature(self) -> float:
        """The curvature if something has asked for it; nan if not, since it costs a product with the Jacobian."""
        return float(vars(self).get("curvature", NAN))


class Direction(Protocol):
    """`state` is whatever the direction remembers between updates; None if nothing."""

    def init(self, theta: Tensor) -> Any: ...

    def head(self, model: LocalModel, state: Any) -> tuple[Heading, Any]: ...


@dataclass(frozen=True)
class Gradient(optim.Plain):
    """s = g: steepest ascent, with the parameters' own Euclidean distance as the ruler."""

    def head(self, model: LocalModel, state: None) -> tuple[Heading, None]:
        g = model.gradient
        return Heading(model, g, float(g @ g)), None


@dataclass(frozen=True)
class Adam(optim.Adam):
    """s = m / (sqrt(v) + epsilon) with bias correction; Kingma and Ba 2015, algorithm 1 and its defaults."""

    def head(self, model: LocalModel, state: optim.AdamState) -> tuple[Heading, optim.AdamState]:
        g = model.gradient
        s, state = self.advance(g, state)
        return Heading(model, s, float(g @ s)), state


@dataclass(frozen=True)
class Natural:
    """s ~ (F + damping I)^-1 g by conjugate gradient: steepest ascent with KL as the ruler (Kakade 2001).

    10 iterations: Schulman et al. 2015, appendix C. Damping 0.1: the experiments file of the authors' own code
    (modular_rl, whose built-in default is 1e-3), and most code since. `tolerance`: the relative residual to stop at.
    """

    cg_iterations: int = 10
    damping: float = 0.1
    metric: Metric = field(default_factory=Fisher)
    preconditioner: Preconditioner = field(default_factory=Unpreconditioned)
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        if self.cg_iterations < 1:
            raise ValueError(f"cg_iterations must be at least 1, got {self.cg_iterations}")
        if self.damping < 0:
            raise ValueError(f"damping must not be negative, got {self.damping}")

    def init(self, theta: Tensor) -> None:
        return None

    def head(self, model: LocalModel, state: None) -> tuple[Heading, None]:
        return self.solve(model), None

    def solve(self, model: LocalModel, start: Tensor | None = None) -> Heading:
        """The heading that conjugate gradient reaches from `start` [P], or from zero."""
        g, product = model.gradient, model.metric_product(self.metric)
        solved = conjugate_gradient(
            lambda v: product(v).add_(v, alpha=self.damping),
            g,
            self.cg_iterations,
            self.tolerance,
            model.preconditioned(self.preconditioner, self.damping),
            start,
        )
        return Heading(model, solved.x, float(g @ solved.x), self.damping, solved.iterations, solved.residual)


@dataclass(frozen=True)
class Factored:
    """s = P g with P a stand-in for (F + damping I)^-1 that can be applied as it is: no products, no iterations.

    By Kronecker factors it is the natural gradient of K-FAC (Martens and Grosse 2015; Wu et al. 2017, "ACKTR").
    """

    preconditioner: Preconditioner = field(default_factory=Kronecker)
    damping: float = 0.1

    def __post_init__(self) -> None:
        if not self.damping > 0:
            raise ValueError(f"damping must be positive, got {self.damping}")

    def init(self, theta: Tensor) -> None:
        return None

    def head(self, model: LocalModel, state: None) -> tuple[Heading, None]:
        solve = model.preconditioned(self.preconditioner, self.damping)
        s = model.gradient.clone() if solve is None else solve(model.gradient)
        return Heading(model, s, float(model.gradient @ s), self.damping), None


@dataclass(frozen=True)
class Steihaug:
    """The maximiser of g's - (beta/2) s'(F + damping I)s by conjugate gradient, or where it leaves the trust region.

    The region is that of the damped form, s'(F + damping I)s / 2 <= radius, in which the iterates grow (Steihaug 1983).
    So s is a whole step. `radius` is set by the rule (`algos.rules.trpo_solvers`).
    """

    beta: float
    cg_iterations: int = 10
    damping: float = 0.1
    radius: float = inf

    def __post_init__(self) -> None:
        if self.cg_iterations < 1 or self.damping < 0 or not self.beta > 0:
            raise ValueError(
                "beta must be positive, cg_iterations at least 1 and damping not negative, got "
                f"{self.beta}, {self.cg_iterations}, {self.damping}"
            )

    def init(self, theta: Tensor) -> None:
        return None

    def head(self, model: LocalModel, state: None) -> tuple[Heading, None]:
        g, product = model.gradient, model.metric_product(Fisher())
        solved = conjugate_gradient(
            lambda v: product(v).add_(v, alpha=self.damping).mul_(self.beta),
            g,
            self.cg_iterations,
            boundary=2 * self.beta * self.radius,
        )
        return Heading(model, solved.x, float(g @ solved.x), self.damping, solved.iterations, solved.residual), None


@dataclass(frozen=True)
class WarmStarted:
    """`Natural`, each solution started from the last one."""

    natural: Natural

    def init(self, theta: Tensor) -> Tensor:
        return torch.zeros_like(theta)

    def head(self, model: LocalModel, state: Tensor) -> tuple[Heading, Tensor]:
        heading = self.natural.solve(model, state)
        return heading, heading.vector
