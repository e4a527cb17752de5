"""The games of MinAtar (Young and Tian 2019) as environments: `experiments.minatar_games:MinAtar/Breakout-v1`.

They need the extra `minatar`. The games are the package's own, with the smallest set of actions, sticky ones included;
its registration is for an older gymnasium, and lets the last action of an episode stick to the first of the next.
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

try:
    from minatar import Environment
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("MinAtar is not installed; get it with the extra: pip install '.[minatar]'") from error

GAMES = ("asterix", "breakout", "freeway", "seaquest", "space_invaders")


class MinAtar(gym.Env[Any, Any]):
    """A game on 10 by 10 fields; what is seen is [10, 10, C], true where an object of kind c is.

    sticky: the chance that the action before is repeated. ramping: whether the game becomes harder as it goes on.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 15}  # noqa: RUF012  # as gymnasium has it

    def __init__(self, game: str, sticky: float = 0.1, ramping: bool = True, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self._game: Any = Environment(game, sticky_action_prob=sticky, difficulty_ramping=ramping)
        self._actions = self._game.minimal_action_set()
        self.action_space = Discrete(len(self._actions))
        self.observation_space = Box(0, 1, self._game.state_shape(), np.uint8)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._game.seed(seed)
        self._game.last_action = 0
        self._game.reset()
        return self._seen(), {}

    def step(self, action: Any) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        reward, ended = self._game.act(self._actions[int(action)])
        return self._seen(), float(reward), bool(ended), False, {}

    def render(self) -> NDArray[np.uint8]:
        """[160, 160, 3]: a shade for each kind of object."""
        state = self._seen()
        shades = np.linspace(0, 255, state.shape[2] + 1).astype(np.uint8)
        shown = shades[(state * np.arange(1, state.shape[2] + 1)).max(2)]
        return np.repeat(np.kron(shown, np.ones((16, 16), np.uint8))[..., None], 3, axis=2)

    def _seen(self) -> NDArray[Any]:
        return np.asarray(self._game.state(), np.uint8)


for game in GAMES:
    gym.register(
        f"MinAtar/{game.title().replace('_', '')}-v1",
        entry_point="experiments.minatar_games:MinAtar",
        kwargs={"game": game},
    )
