"""Gradients of rows in factors, beside the gradients themselves."""

import math

import pytest
import torch
from algos_cases import dense

from algos.networks.rows import LayerRows, OtherRows, SharedRows

G = torch.Generator().manual_seed(0)
DAMPING = 0.3


def factors(places, has_bias):
    """Signals [7, L, 3], inputs [7, L, 4], and what the layer's rows' gradients are: [7, 3 * 4 + 3]."""
    signals, inputs = (torch.randn(7, places, n, generator=G).double() for n in (3, 4))
    gradients = torch.einsum("blo,bli->boi", signals, inputs).flatten(1)
    return signals, inputs, torch.cat([gradients, signals.sum(1)], 1) if has_bias else gradients


@pytest.mark.parametrize("has_bias", [True, False])
def test_products_are_those_of_the_gradients(has_bias):
    signals, inputs, gradients = factors(5, has_bias)
    shared = SharedRows(slice(0, 15), signals, inputs, has_bias)
    torch.testing.assert_close(shared.products(), gradients @ gradients.T)
    torch.testing.assert_close(OtherRows(slice(0, 15), gradients).products(), gradients @ gradients.T)
    signals, inputs, gradients = factors(1, has_bias)
    layer = LayerRows(slice(0, 15), signals[:, 0], inputs[:, 0], has_bias)
    torch.testing.assert_close(layer.products(), gradients @ gradients.T)


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("places", [1, 5])
def test_the_inverse_is_that_of_the_damped_kronecker_product(places, has_bias):
    signals, inputs, gradients = factors(places, has_bias)
    seen = torch.cat([inputs, torch.ones(7, places, 1).double()], 2) if has_bias else inputs
    left = torch.einsum("blo,blp->op", signals, signals) / (7 * places)
    right = torch.einsum("bli,blj->ij", seen, seen) / 7
    pi = math.sqrt((right.trace() / len(right)) / (left.trace() / 3))
    left += DAMPING**0.5 / pi * torch.eye(3)
    right += DAMPING**0.5 * pi * torch.eye(len(right))
    expected = torch.linalg.inv(torch.kron(left, right))  # of [W | b], row by row
    columns = len(right)
    weights = [row * columns + column for row in range(3) for column in range(4)]
    order = weights + [row * columns + 4 for row in range(3) if has_bias]
    where = slice(0, gradients.shape[1])
    rows = SharedRows(where, signals, inputs, has_bias)
    torch.testing.assert_close(dense(rows.inverse(DAMPING), gradients.shape[1]), expected[order][:, order])
    if places == 1:
        single = LayerRows(where, signals[:, 0], inputs[:, 0], has_bias)
        torch.testing.assert_close(dense(single.inverse(DAMPING), gradients.shape[1]), expected[order][:, order])


def test_other_parameters_have_the_inverse_of_their_diagonal():
    gradients = torch.tensor([[1.0, 0.0], [3.0, 2.0]])
    torch.testing.assert_close(
        OtherRows(slice(0, 2), gradients).inverse(1.0)(torch.ones(2)), torch.tensor([1 / 6, 1 / 3])
    )
