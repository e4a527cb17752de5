"""The compiled body of a run of small gradient steps. Sizes: b rows of a step, L layers, A actions, P parameters.

Comparisons are written so that nan passes through them: it must arrive at the gradient, where it is found.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np

GAUSSIAN, CATEGORICAL, ERROR = range(3)  # kinds of Target
FINE, RATIOS, GRADIENT, THETA = range(4)
FAULTS = {RATIOS: "log ratios", GRADIENT: "gradient", THETA: "theta"}

OPTIONS: dict[str, Any] = {"error_model": "numpy"}  # a check of every divisor would keep loops from being vectorised
Compile = Callable[[Callable[..., Any]], Callable[..., Any]]
loop: Compile = numba.njit(fastmath={"contract", "nsz", "reassoc", "arcp"}, **OPTIONS)
plain: Compile = numba.njit(**OPTIONS)

F = np.float32
ONE, ZERO = F(1), F(0)
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
# tanh x = x P(x^2) / Q(x^2) on [-LIMIT, LIMIT], as Eigen has it for float32 (MathFunctionsImpl.h): off by 3e-7 at most
LIMIT = F(7.90531110763549805)
P0, P1, P2, P3 = F(4.89352455891786e-03), F(6.37261928875436e-04), F(1.48572235717979e-05), F(5.12229709037114e-08)
P4, P5, P6 = F(-8.60467152213735e-11), F(2.00018790482477e-13), F(-2.76076847742355e-16)
Q0, Q1, Q2, Q3 = F(4.89352518554385e-03), F(2.26843463243900e-03), F(1.18534705686654e-04), F(1.19825839466702e-06)


class Layers(NamedTuple):
    """Views of a flat vector [P]; the last bias is longer by the free outputs."""

    weights: Any  # W [out, in] of each
    biases: Any


class Moments(NamedTuple):
    """Adam's moments, updated in place; empty for plain ascent."""

    mean: Any
    square: Any
    steps: int  # before the run


class Buffers(NamedTuple):
    """Buffers of every layer: its input [b, in], and its outputs before tanh or their derivative [b, out]."""

    activations: Any
    signals: Any


class Data(NamedTuple):
    """A batch: values are advantages, or a critic's targets."""

    obs: Any  # float32 [B, O]
    actions: Any  # float32 [B, A], or their numbers [B, 1]
    values: Any  # float32 [B]
    log_probs: Any  # float64 [B]


class Target(NamedTuple):
    """The objective."""

    kind: int
    weighted: int  # whether by the ratio of probabilities
    high: float  # log ratio above which a row that gains is cut
    low: float  # and below which one that loses is
    divergence: float  # beta of - beta (w - 1 - log w) in every row
    distance: float  # c of - c |A| (w - 1)^2 / 2 in every row


class Rates(NamedTuple):
    """The optimizer's constants."""

    adam: int
    lr: Any  # float32
    max_norm: float
    beta1: float
    beta2: float
    epsilon: Any  # float32


def take(
    theta: Any,
    layers: Any,
    gradient: Any,
    slopes: Any,
    moments: Any,
    buffers: Any,
    data: Any,
    target: Any,
    orders: Any,
    rates: Any,
) -> int:
    """Update theta and moments in place by steps over the rows in orders [E, B]; the other arguments are buffers."""
    size, steps = buffers.activations[0].shape[0], moments.steps
    for epoch in range(orders.shape[0]):
        for first in range(0, orders.shape[1], size):
            rows = orders[epoch, first : first + size]
            _forward(layers, buffers, data.obs, rows)
            signals = buffers.signals[-1][: len(rows)]
            if not _differentiate(signals, layers.biases[-1], slopes.biases[-1], data, target, rows):
                return RATIOS
            _backward(layers, slopes, buffers, len(rows))
            squares = _squares(gradient)
            if not math.isfinite(squares):
                return GRADIENT
            scale = F(min(1.0, rates.max_norm / (math.sqrt(squares) + 1e-6)))
            steps += 1
            if rates.adam:
                _adam(theta, gradient, moments.mean, moments.square, scale, rates, steps)
            else:
                _ascend(theta, gradient, rates.lr * scale)
    return FINE if math.isfinite(_squares(theta)) else THETA


@plain
def _forward(layers: Any, buffers: Any, obs: Any, rows: Any) -> None:
    b, last = len(rows), len(layers.weights) - 1
    _gather(buffers.activations[0], obs, rows)
    for depth in range(last):
        after = buffers.activations[depth + 1][:b]
        np.dot(buffers.activations[depth][:b], layers.weights[depth].T, after)
        _tanh(after, layers.biases[depth])
    outputs = buffers.signals[last][:b]
    np.dot(buffers.activations[last][:b], layers.weights[last].T, outputs)
    _add(outputs, layers.biases[last])


@plain
def _backward(layers: Any, slopes: Any, buffers: Any, b: int) -> None:
    for depth in range(len(layers.weights) - 1, -1, -1):
        signal, given = buffers.signals[depth][:b], buffers.activations[depth][:b]
        np.dot(signal.T, given, slopes.weights[depth])
        if depth:
            before = buffers.signals[depth - 1][:b]
            np.dot(signal, layers.weights[depth], before)
            _back_through_tanh(before, given, slopes.biases[depth - 1])


@plain
def _gather(given: Any, obs: Any, rows: Any) -> None:
    for i in range(len(rows)):
        for j in range(obs.shape[1]):
            given[i, j] = obs[rows[i], j]


@loop
def _clear(vector: Any) -> None:
    for i in range(len(vector)):
        vector[i] = ZERO


@loop
def _add(outputs: Any, bias: Any) -> None:
    for i in range(outputs.shape[0]):
        for j in range(outputs.shape[1]):
            outputs[i, j] += bias[j]


@loop
def _tanh(after: Any, bias: Any) -> None:
    for i in range(after.shape[0]):
        for j in range(after.shape[1]):
            x = after[i, j] + bias[j]
            x = LIMIT if x > LIMIT else x
            x = -LIMIT if x < -LIMIT else x
            y = x * x
            above = P0 + y * (P1 + y * (P2 + y * (P3 + y * (P4 + y * (P5 + y * P6)))))
            after[i, j] = x * above / (Q0 + y * (Q1 + y * (Q2 + y * Q3)))


@loop
def _back_through_tanh(signal: Any, after: Any, total: Any) -> None:
    _clear(total)
    for i in range(signal.shape[0]):
        for j in range(signal.shape[1]):
            carried = signal[i, j] * (ONE - after[i, j] * after[i, j])
            signal[i, j] = carried
            total[j] += carried


@plain
def _differentiate(outputs: Any, bias: Any, total: Any, data: Any, target: Any, rows: Any) -> bool:
    """From outputs [b, out] to the objective's derivative by them, in place; total: its sum, free outputs included.

    False where a log ratio is not finite.
    """
    _clear(total)
    if target.kind == ERROR:
        _of_errors(outputs, data, rows)
    elif target.kind == GAUSSIAN:
        if not _of_gaussian(outputs, bias[outputs.shape[1] :], total[outputs.shape[1] :], data, target, rows):
            return False
    elif not _of_categorical(outputs, data, target, rows):
        return False
    for i in range(outputs.shape[0]):
        for j in range(outputs.shape[1]):
            total[j] += outputs[i, j]
    return True


@plain
def _of_errors(outputs: Any, data: Any, rows: Any) -> None:
    share = F(2 / len(rows))
    for i in range(len(rows)):
        outputs[i, 0] = (data.values[rows[i]] - outputs[i, 0]) * share


@plain
def _of_gaussian(mean: Any, log_std: Any, free: Any, data: Any, target: Any, rows: Any) -> bool:
    size = mean.shape[1]
    inverse, constant = np.empty(size), size * HALF_LOG_2PI
    for j in range(size):
        inverse[j] = math.exp(-np.float64(log_std[j]))
        constant += log_std[j]
    for i in range(len(rows)):
        row, squares = rows[i], 0.0
        for j in range(size):
            z = (np.float64(data.actions[row, j]) - mean[i, j]) * inverse[j]
            squares += z * z
        log_ratio = -0.5 * squares - constant - data.log_probs[row]
        if not math.isfinite(log_ratio):
            return False
        slope = _slope(log_ratio, data.values[row], target) / len(rows)
        for j in range(size):
            z = (np.float64(data.actions[row, j]) - mean[i, j]) * inverse[j]
            mean[i, j] = slope * z * inverse[j]
            free[j] += F(slope * (z * z - 1.0))
    return True


@plain
def _of_categorical(logits: Any, data: Any, target: Any, rows: Any) -> bool:
    size = logits.shape[1]
    p = np.empty(size)
    for i in range(len(rows)):
        row, top, total = rows[i], logits[i, 0], 0.0
        for j in range(size):
            top = logits[i, j] if logits[i, j] > top else top
        for j in range(size):
            p[j] = math.exp(np.float64(logits[i, j]) - top)
            total += p[j]
        action = int(data.actions[row, 0])
        log_ratio = np.float64(logits[i, action]) - top - math.log(total) - data.log_probs[row]
        if not math.isfinite(log_ratio):
            return False
        slope = _slope(log_ratio, data.values[row], target) / len(rows)
        for j in range(size):
            logits[i, j] = -slope * p[j] / total
        logits[i, action] += slope
    return True


@plain
def _slope(log_ratio: float, advantage: Any, target: Any) -> float:
    """d (w A, less what is charged) / d log_ratio of one row."""
    cut = log_ratio > target.high if advantage > 0 else log_ratio < target.low
    weight = math.exp(log_ratio) if target.weighted else 1.0
    slope = 0.0 if cut else weight * advantage
    if target.divergence > 0:
        slope -= target.divergence * (weight - 1.0)
    if target.distance > 0:
        slope -= target.distance * abs(advantage) * (weight - 1.0) * weight
    return slope


@loop
def _squares(vector: Any) -> float:
    """Of a vector [P], added up in double precision: finite where all its members are."""
    total = 0.0
    for i in range(len(vector)):
        total += np.float64(vector[i]) * np.float64(vector[i])
    return total


@loop
def _ascend(theta: Any, gradient: Any, by: Any) -> None:
    for i in range(len(theta)):
        theta[i] += by * gradient[i]


@loop
def _adam(theta: Any, gradient: Any, mean: Any, square: Any, scale: Any, rates: Any, steps: int) -> None:
    keep, new1, new2 = F(rates.beta2), F(1 - rates.beta1), F(1 - rates.beta2)
    by1, by2 = F(1 / (1 - rates.beta1**steps)), F(1 / (1 - rates.beta2**steps))
    lr, epsilon = rates.lr, rates.epsilon
    for i in range(len(theta)):
        g = gradient[i] * scale
        mean[i] += new1 * (g - mean[i])
        square[i] = keep * square[i] + new2 * g * g
        theta[i] += lr * (mean[i] * by1) / (math.sqrt(square[i] * by2) + epsilon)
