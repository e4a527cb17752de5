"""A rollout's inner loop: observe, act, step; compiled for a task and a family of distributions.

`task`, `view` and `act` are filled in by `specialized`; nothing calls the functions below as they stand.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.cell.lean.native import inline, multiply, tanh

FINE, OUTPUTS, STEP = range(3)  # how a call went: all finite; the policy's outputs not; what a step returned not
task: Any = None
view: Any = None
act: Any = None
take_step: Any = None
outputs_of: Any = None


class Copies(NamedTuple):
    """The environments, and how far their episodes are."""

    simulations: Any  # that `view` shows one of
    constants: Any  # of the task
    elapsed: NDArray[np.int64]  # [N] steps since the reset
    limit: int  # steps after which an episode is truncated


class Weights(NamedTuple):
    """A tanh network of float32, and room for what its layers put out."""

    weights: tuple[Any, ...]  # [in, out] of each layer
    biases: tuple[Any, ...]
    rooms: tuple[Any, ...]  # [N, out]


class Acting(NamedTuple):
    """How outputs become actions."""

    noise: NDArray[np.float32]  # [T, m, ...] to be added to the outputs
    low: NDArray[np.float32]  # [A] of what the environments take
    high: NDArray[np.float32]
    commands: Any  # room for what they are given


class Normal(NamedTuple):
    """The observations' normalisation."""

    enabled: bool
    mean: NDArray[np.float64]  # [O]
    inverse_std: NDArray[np.float64]
    clip: float


class Record(NamedTuple):
    """Steps t of m environments; `next_obs` are the true next observations, also where an episode ended."""

    raw: NDArray[np.float64]  # [T, m, O] before normalisation
    obs: NDArray[np.float32]  # [T, m, O]
    next_obs: NDArray[np.float32]  # [T, m, O]
    actions: NDArray[Any]  # [T, m] or [T, m, A], before clipping
    rewards: NDArray[np.float64]  # [T, m]
    terminated: NDArray[np.bool_]  # [T, m]
    done: NDArray[np.bool_]  # [T, m] terminated or truncated


def play(
    copies: Copies, lanes: Any, obs: Any, weights: Weights, acting: Acting, normal: Normal, record: Record
) -> tuple[int, int]:
    """Steps to the record's end, or to the one with which an episode ends; obs [m, O] moves along.

    Returns how many, and how it went.
    """
    m, steps = record.rewards.shape[1], record.rewards.shape[0]
    for t in range(steps):
        x = record.obs[t]
        if t == 0:
            normalize(obs, normal, x)
        else:
            x[:] = record.next_obs[t - 1]
        record.raw[t] = obs
        if not outputs_of(weights, x):
            return t, OUTPUTS
        act(weights.rooms[-1][:m], acting, t, record.actions[t])
        fine, over = take_step(
            copies, lanes, acting.commands, obs, record.rewards[t], record.terminated[t], record.done[t]
        )
        if not fine:
            return t, STEP
        normalize(obs, normal, record.next_obs[t])
        if over:
            return t + 1, FINE
    return steps, FINE


def step(copies: Copies, lanes: Any, commands: Any, obs: Any, rewards: Any, terminated: Any, truncated: Any) -> int:
    """One step, of the environments named by lanes [m], into obs, rewards, terminated, truncated."""
    fine, _ = take_step(copies, lanes, commands, obs, rewards, terminated, truncated)
    for row in range(len(lanes)):
        truncated[row] = copies.elapsed[lanes[row]] >= copies.limit
    return FINE if fine else STEP


def _take_step(
    copies: Copies, lanes: Any, commands: Any, obs: Any, rewards: Any, terminated: Any, done: Any
) -> tuple[bool, bool]:
    """Whether all numbers are finite, and whether an episode ended."""
    fine, any_done = True, False
    for row in range(len(lanes)):
        lane = lanes[row]
        reward, over = task(copies.constants, view(copies.simulations, lane), commands[row], obs[row])
        copies.elapsed[lane] += 1
        rewards[row], terminated[row] = reward, over
        done[row] = over or copies.elapsed[lane] >= copies.limit
        any_done = any_done or done[row]
        fine = fine and np.isfinite(reward)
        for value in obs[row]:
            fine = fine and np.isfinite(value)
    return fine, any_done


def _outputs_of(weights: Weights, x: Any) -> bool:
    """The network's outputs, into its last room; whether they are finite."""
    m, last = len(x), len(weights.weights) - 1
    given = x
    for depth in range(last + 1):
        after = weights.rooms[depth][:m]
        multiply(given, weights.weights[depth], after)
        bias = weights.biases[depth]
        for row in range(m):
            for unit in range(len(bias)):
                after[row, unit] += bias[unit]
        if depth < last:
            tanh(after)
        given = after
    return bool(np.isfinite(given).all())


@inline
def act_gaussian(means: Any, acting: Acting, t: int, actions: Any) -> None:
    """Mean plus noise; the nearest that the environments take are the commands."""
    for row in range(len(means)):
        for i in range(means.shape[1]):
            action = means[row, i] + acting.noise[t, row, i]
            actions[row, i] = action
            action = acting.low[i] if action < acting.low[i] else action
            acting.commands[row, i] = acting.high[i] if action > acting.high[i] else action


@inline
def act_categorical(logits: Any, acting: Acting, t: int, actions: Any) -> None:
    """The action whose logit plus noise is the largest, the first of equals."""
    for row in range(len(logits)):
        best, most = 0, logits[row, 0] + acting.noise[t, row, 0]
        for i in range(1, logits.shape[1]):
            value = logits[row, i] + acting.noise[t, row, i]
            if value > most:
                best, most = i, value
        actions[row] = acting.commands[row] = best


@inline
def normalize(obs: Any, normal: Normal, x: Any) -> None:
    for row in range(obs.shape[0]):
        for i in range(obs.shape[1]):
            value = obs[row, i]
            if normal.enabled:
                value = (value - normal.mean[i]) * normal.inverse_std[i]
                value = -normal.clip if value < -normal.clip else value
                value = normal.clip if value > normal.clip else value
            x[row, i] = np.float32(value)
