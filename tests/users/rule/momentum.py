"""The gradient with a heavy ball (Polyak 1964)."""

from dataclasses import dataclass
from typing import Annotated

from algos.ascent import Always, AscentRule, Fixed
from algos.ascent.directions import Heading
from algos.search_space import Rate, Uniform


@dataclass(frozen=True)
class HeavyBall:
    decay: float

    def init(self, theta):
        return theta.new_zeros(theta.shape)

    def head(self, model, velocity):
        velocity = self.decay * velocity + model.gradient
        return Heading(model, velocity, float(model.gradient @ velocity)), velocity


def momentum_pg(
    policy, *, lr: Rate = 0.1, decay: Annotated[float, Uniform(0.0, 0.99, "none, to a hundred steps")] = 0.9
):
    """theta + lr v, v = decay v + g (Polyak 1964). lr, decay: by hand."""
    return AscentRule(policy, HeavyBall(decay), Fixed(lr), Always())
