"""Acting: in numpy where the network allows, since for a handful of rows torch's calls cost more than arithmetic."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algos.networks import MLP, Network
from algos.networks.modules import ModuleNetwork
from algos.policies import Policy
from experiments.cell.failures import require_finite


class Actor:
    """The policy at one theta, its weights converted once."""

    def __init__(self, policy: Policy, theta: Tensor) -> None:
        network = policy.network
        self._forward = _MLP(network, theta) if isinstance(network, MLP) else _InTorch(network, theta)
        self._family = policy.family

    def outputs(self, obs: NDArray[Any]) -> NDArray[Any]:
        """d [n, D] at normalised obs [n, ...].

        Raises Diverged rather than hand nan to a simulator, which may not notice.
        """
        return self._forward(obs)

    def sample(self, obs: NDArray[Any], noise: NDArray[Any]) -> NDArray[Any]:
        """Actions [n] or [n, A] from noise that `draw_noise` drew."""
        return np.asarray(self._family.act(self.outputs(obs), noise))

    def mode(self, obs: NDArray[Any]) -> NDArray[Any]:
        """The most probable (discrete) or mean (continuous) actions."""
        return np.asarray(self._family.mode(self.outputs(obs)))


def draw_noise(policy: Policy, generator: np.random.Generator, *sizes: int) -> NDArray[np.float32]:
    """Noise [*sizes, noise_size] of the kind that the policy's family turns into actions."""
    family = policy.family
    draws = getattr(generator, family.noise)(size=(*sizes, family.noise_size))
    return np.asarray(draws, dtype=np.float32)


class _MLP:
    """tanh layers in numpy."""

    def __init__(self, network: MLP, theta: Tensor) -> None:
        layers = network.layers(theta.detach().cpu())
        *self._hidden, (weight, bias) = [(weight.numpy().T.copy(), bias.numpy().copy()) for weight, bias in layers]
        bound = weight.shape[1]
        self._last, self._free = (weight, bias[:bound]), bias[bound:]
        self._free_rows = self._free[None]  # repeated for as many rows as the last call had

    def __call__(self, obs: NDArray[Any]) -> NDArray[Any]:
        x = obs if obs.ndim == 2 else obs.reshape(len(obs), -1)
        for weight, bias in self._hidden:
            x = x @ weight
            x += bias
            np.tanh(x, out=x)
        weight, bias = self._last
        out = x @ weight + bias
        require_finite(policy_outputs=out)
        if not len(self._free):
            return out
        if len(self._free_rows) != len(out):
            self._free_rows = np.tile(self._free, (len(out), 1))
        return np.concatenate([out, self._free_rows], 1)


class _InTorch:
    """Any other network, where theta is."""

    def __init__(self, network: Network, theta: Tensor) -> None:
        self._theta = theta.detach().clone()
        self._forward: Callable[[Tensor], Tensor] = partial(network, self._theta)
        if isinstance(network, ModuleNetwork):
            self._forward = network.at(self._theta)

    @torch.no_grad()
    def __call__(self, obs: NDArray[Any]) -> NDArray[Any]:
        out = self._forward(torch.from_numpy(obs).to(self._theta)).cpu().numpy()
        require_finite(policy_outputs=out)
        return np.asarray(out)
