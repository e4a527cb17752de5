"""Strong policies of the classic-control and toy-text tasks: controllers of a few lines, and dynamic programming.

They are the references that scores of these tasks are measured against (`pin_references.py`). A policy maps an
observation and the number of steps that the episode has had to an action. Gains were chosen by hand.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Act = Callable[[Any, int], Any]


def balance(obs: Any, _: int) -> int:
    """CartPole: push towards where the pole falls, the cart's own position and speed counted a little."""
    x, v, angle, spin = obs
    return int(0.1 * x + 0.3 * v + 3 * angle + spin > 0)


def swing_up(obs: Any, _: int) -> NDArray[np.float32]:
    """Pendulum: pump energy until the pole stands nearly upright, then hold it by a proportional-derivative law.

    Energy shaping after Astrom and Furuta 2000. Mass and length are 1, gravity 10, so the energy below that of rest
    upright is w^2 / 6 + 5 (cos - 1).
    """
    cos, sin, w = (float(x) for x in obs)
    if cos > 0.9 and abs(w) < 4:
        torque = -10 * math.atan2(sin, cos) - 2 * w
    else:
        torque = -5 * (w * w / 6 + 5 * (cos - 1)) * (math.copysign(1.0, w))
    return np.array([min(max(torque, -2.0), 2.0)], dtype=np.float32)


def pump_links(obs: Any, _: int) -> int:
    """Acrobot: full torque at the elbow, against the sense in which the upper link turns."""
    return 0 if obs[4] > 0 else 2


def rock(obs: Any, _: int) -> int:
    """MountainCar: always push the way that the car already moves."""
    return 2 if obs[1] >= 0 else 0


def rock_gently(obs: Any, _: int) -> NDArray[np.float32]:
    """MountainCarContinuous: the same with 0.4 of the force, which costs less than it delays."""
    return np.array([0.4 if obs[1] >= 0 else -0.4], dtype=np.float32)


def basic_strategy(obs: Any, _: int) -> int:
    """Blackjack: hit (1) or stick (0) as Sutton and Barto 2018, figure 5.2, have it."""
    total, dealer, usable_ace = (int(x) for x in obs)
    if usable_ace:
        return int(total < 18 or (total == 18 and dealer in (1, 9, 10)))
    if 2 <= dealer <= 6:
        return int(total < 12 or (total == 12 and dealer < 4))
    return int(total < 17)


def dynamic_programming(env: Any, limit: int) -> Act:
    """The policy of the highest expected return within `limit` steps, from the transition table of a toy-text task."""
    table = env.unwrapped.P
    values, plan = np.zeros(len(table)), np.empty((limit, len(table)), dtype=int)
    for step in reversed(range(limit)):
        worth = np.array(
            [
                [
                    sum(chance * (reward + (0 if ended else values[after])) for chance, after, reward, ended in moves)
                    for moves in table[state].values()
                ]
                for state in range(len(table))
            ]
        )
        plan[step], values = worth.argmax(axis=1), worth.max(axis=1)
    return lambda state, step: int(plan[step, int(state)])


CONTROLLERS: dict[str, Act] = {
    "CartPole-v0": balance,
    "CartPole-v1": balance,
    "Pendulum-v1": swing_up,
    "Acrobot-v1": pump_links,
    "MountainCar-v0": rock,
    "MountainCarContinuous-v0": rock_gently,
    "Blackjack-v1": basic_strategy,
}
