"""The value baseline, shared by every rule."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from algos.estimators.regression import Fitted, GaussNewton, Regression
from algos.networks import MLP, TORCH, Network, Passes


@dataclass(frozen=True)
class ValueBaseline:
    """V(obs) [B]: a network with one output, and how it is fitted to returns."""

    network: Network
    regression: Regression = field(default_factory=GaussNewton)

    @classmethod
    def mlp(
        cls, obs_size: int, hidden: tuple[int, ...], regression: Regression, passes: Passes = TORCH
    ) -> "ValueBaseline":
        """tanh layers of these sizes."""
        return cls(MLP(obs_size, hidden, 1, passes=passes), regression)

    def init(self, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Fitted:
        """Before any fit."""
        return Fitted(self.network.init(generator, last_gain=1.0, dtype=dtype))

    def predict(self, state: Fitted, obs: Tensor) -> Tensor:
        """V(obs) [B]."""
        return self.network(state.theta, obs).squeeze(-1)

    def fit(self, state: Fitted, obs: Tensor, returns: Tensor) -> Fitted:
        """After one more batch, obs [B, ...] and returns [B]."""
        return self.regression.fit(self.network, state, obs, returns)
