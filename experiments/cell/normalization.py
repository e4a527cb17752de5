"""Running normalisation of observations and rewards, shared by every rule."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.cell.spaces import Observations

Floats = NDArray[Any]

ROUNDING = 1e-12  # relative: a standard deviation below it is that of equal numbers


class RunningMoments:
    """Mean and variance [*shape] of all rows seen, merged batch by batch (Chan et al. 1983), in float64."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.mean = np.zeros(shape)
        self._squares = np.zeros(shape)  # sum of squared deviations

    def update(self, rows: Floats) -> None:
        """Add rows [n, *shape]."""
        rows = rows.astype(np.float64)
        count, mean = len(rows), rows.mean(0)
        delta, total = mean - self.mean, self.count + len(rows)
        self._squares += ((rows - mean) ** 2).sum(0) + delta**2 * (self.count * count / total)
        self.mean += delta * (count / total)
        self.count = total

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"count": self.count, "mean": self.mean.tolist(), "squares": self._squares.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.count = state["count"]
        self.mean, self._squares = np.array(state["mean"]), np.array(state["squares"])

    @property
    def std(self) -> Floats:
        """Standard deviation [*shape]; 1 before anything was seen."""
        return np.sqrt(self._squares / self.count) if self.count else np.ones_like(self._squares)


CLIP = 10.0  # of normalised observations: that of Baselines' VecNormalize and most code since


class ObservationNormalizer:
    """(obs - mean) / std, clipped to +-CLIP, with moments that stand still within a rollout."""

    def __init__(self, size: int, enabled: bool) -> None:
        self.moments = RunningMoments((size,))
        self._enabled = enabled
        self._refresh()

    @classmethod
    def of(cls, mean: Floats, std: Floats, enabled: bool) -> "ObservationNormalizer":
        """One with these moments [O] of a policy's row, which takes no more in; there are none of images."""
        if not len(mean):
            return PixelsUnchanged()
        made = cls(len(mean), enabled)
        made.restore({"count": 1, "mean": mean, "squares": std**2})
        return made

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from the `state` of the moments."""
        self.moments.restore(state)
        self._refresh()

    def _refresh(self) -> None:
        self._mean = self.moments.mean.copy()
        self._std = np.maximum(self.moments.std, ROUNDING * np.abs(self.moments.mean)) + 1e-8
        self._inverse_std = 1.0 / self._std

    @property
    def constants(self) -> tuple[Floats, Floats] | None:
        """The mean and std [O] that observations are normalised by now; None where they are left raw."""
        return (self._mean, self._std) if self._enabled else None

    def update(self, rows: Floats) -> None:
        """Take raw observations [n, ...] into the moments."""
        if self._enabled:
            self.moments.update(rows.reshape(len(rows), -1))
            self._refresh()

    def __call__(self, obs: Floats) -> Floats:
        """Normalised float32 observations [n, ...], of the shape they have."""
        if not self._enabled:
            return obs.astype(np.float32)
        scaled = obs.reshape(len(obs), -1) - self._mean
        scaled *= self._inverse_std
        np.maximum(scaled, -CLIP, out=scaled)
        return np.minimum(scaled, CLIP, out=scaled).astype(np.float32).reshape(obs.shape)


class PixelsUnchanged(ObservationNormalizer):
    """Images as they are: bytes, of which networks make numbers from 0 to 1 (`algos.networks.Pixels`)."""

    def __init__(self) -> None:
        super().__init__(0, False)

    def __call__(self, obs: Floats) -> Floats:
        return obs


def normalizer_of(observations: Observations, enabled: bool) -> ObservationNormalizer:
    """What stands between environments and networks; `enabled` does not concern images."""
    return ObservationNormalizer(observations.size, enabled) if observations.brightest is None else PixelsUnchanged()


class RewardScaler:
    """Divides rewards by the running standard deviation of the discounted return; their mean is left alone.

    Engstrom et al. 2020, "Implementation matters", section 2. Returns that are all the same have none: they are divided
    by their magnitude.
    """

    def __init__(self, n_envs: int, gamma: float, enabled: bool) -> None:
        self.moments = RunningMoments(())
        self.scale = 1.0  # what the last rewards were divided by
        self._gamma, self._enabled = gamma, enabled
        self._running = np.zeros(n_envs)

    def restart_episodes(self) -> None:
        """Every environment starts an episode."""
        self._running = np.zeros_like(self._running)

    def __call__(self, rewards: Floats, done: NDArray[np.bool_]) -> Floats:
        """Scaled rewards [T, N]; the moments take these rewards in first."""
        if not self._enabled:
            return rewards
        returns = np.empty_like(rewards)
        for t in range(len(rewards)):
            self._running = self._gamma * self._running + rewards[t]
            returns[t] = self._running
            self._running = np.where(done[t], 0.0, self._running)
        self.moments.update(returns.reshape(-1))
        self.scale = self._spread()
        return rewards / self.scale

    def _spread(self) -> float:
        mean, std = abs(float(self.moments.mean)), float(self.moments.std)
        if std > ROUNDING * mean:
            return std + 1e-8
        return mean or 1.0
