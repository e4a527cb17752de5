"""Lines and a plane through one policy.

Directions are scaled so that their quadratic KL is the radius: t = 1 is the edge of the trust region on each of them.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import isnan, sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algos.curvature import conjugate_gradient
from algos.curvature.cg import Solution
from experiments.landscape.ground import Ground
from experiments.records import LandscapeLineRow, LandscapePlaneRow

BOUND_WINDOW = 3.0  # half-width, in steps that maximise the lower bound's quadratic model


@dataclass(frozen=True)
class Chart:
    """Coordinates c [k] of the moves d = sum_i c_i basis_i, and the quadratic model on them."""

    basis: Tensor  # [k, P]
    slope: NDArray[np.float64]  # [k] = basis g
    curvature: NDArray[np.float64]  # [k, k] = basis F basis'
    gram: NDArray[np.float64]  # [k, k] = basis basis'

    @classmethod
    def of(cls, ground: Ground, *basis: Tensor) -> "Chart":
        stacked = torch.stack(basis)
        products = torch.stack([ground.fisher(b) for b in basis])
        slope, curvature = stacked @ ground.gradient, stacked @ products.T
        return cls(stacked, slope.numpy(), curvature.numpy(), (stacked @ stacked.T).numpy())

    def read(self, ground: Ground, here: float, beta: float, *c: float) -> dict[str, float]:
        """The columns that a line's row and a plane's share, at coordinates c; `here` is eta at theta."""
        at = np.array(c)
        reading = ground.read(ground.theta + torch.from_numpy(at) @ self.basis)
        quadratic_kl = float(at @ self.curvature @ at) / 2
        return {
            **asdict(reading),
            "quadratic": here + float(at @ self.slope) - beta * quadratic_kl,
            "penalized": reading.surrogate - beta * reading.kl,
            "quadratic_kl": quadratic_kl,
            "norm": sqrt(max(float(at @ self.gram @ at), 0.0)),
        }


class Survey:
    """Looks around a ground's theta.

    radius: nats of quadratic KL at t = 1. cg_iterations, damping: of the natural direction, (F + damping I)^-1 g.
    Raises ValueError where no direction can be had.
    """

    def __init__(
        self, ground: Ground, radius: float, cg_iterations: int, damping: float, generator: np.random.Generator
    ) -> None:
        g = ground.gradient
        if not (torch.isfinite(g).all() and g.any()):
            raise ValueError("the gradient is zero or not finite here, so it gives no direction")
        self.ground, self.radius = ground, radius
        self.solution: Solution = conjugate_gradient(lambda v: ground.fisher(v) + damping * v, g, cg_iterations)
        drawn = torch.from_numpy(generator.standard_normal(len(g)))
        named = {"gradient": g, "natural": self.solution.x, "random": drawn}
        self.directions = {name: self._to_radius(name, v) for name, v in named.items()}
        self.here = ground.read(ground.theta).return_mean
        natural = self.directions["natural"]
        self.beta = float(g @ natural) / (2 * radius)  # g's / s'Fs: g.d - (beta/2) d'Fd is highest at d = s

    def _to_radius(self, name: str, v: Tensor) -> Tensor:
        curvature = float(v @ self.ground.fisher(v))
        if not curvature > 0:
            raise ValueError(f"the {name} direction does not change the policy: v'Fv = {curvature}")
        return v * sqrt(2 * self.radius / curvature)

    def lines(self, points: int, span: float) -> Iterator[LandscapeLineRow]:
        """`points` on -1 <= t <= span of every direction, and as many where the lower bound is not yet far below."""
        for name, direction in self.directions.items():
            chart, width = Chart.of(self.ground, direction), self.bound_width(direction)
            windows = {"radius": np.linspace(-1, span, points)}
            if width > 0:
                windows["bound"] = np.linspace(-width, width, points)
            for window, places in windows.items():
                for t in np.union1d(places, 0.0):
                    columns = chart.read(self.ground, self.here, self.beta, float(t))
                    yield LandscapeLineRow(direction=name, window=window, t=float(t), **columns)

    def bound_width(self, direction: Tensor) -> float:
        """BOUND_WINDOW steps to where M's quadratic model, t g's - C t^2/2 max s'F_s s, is highest; 0 without M."""
        steepness = self.ground.penalty * self.ground.largest_curvature(direction)
        if isnan(steepness) or not steepness > 0:
            return 0.0
        return BOUND_WINDOW * abs(float(self.ground.gradient @ direction)) / steepness

    def axes(self) -> tuple[Tensor, Tensor]:
        """Orthonormal [P] each: along the gradient, and what the natural direction has besides."""
        gradient, natural = self.directions["gradient"], self.directions["natural"]
        first = gradient / gradient.norm()
        orthogonal = natural - (natural @ first) * first
        if not orthogonal.norm() > 1e-6 * natural.norm():
            raise ValueError("the natural direction is the gradient's own, so they span no plane; try less damping")
        return first, orthogonal / orthogonal.norm()

    def plane(self, points: int, span: float) -> Iterator[LandscapePlaneRow]:
        """points x points, `span` times as wide and as high as the KL ellipse."""
        chart = Chart.of(self.ground, *self.axes())
        reach = np.sqrt(2 * self.radius * np.linalg.inv(chart.curvature).diagonal())
        for y in np.linspace(-span * reach[1], span * reach[1], points):
            for x in np.linspace(-span * reach[0], span * reach[0], points):
                columns = chart.read(self.ground, self.here, self.beta, float(x), float(y))
                yield LandscapePlaneRow(x=float(x), y=float(y), **columns)
