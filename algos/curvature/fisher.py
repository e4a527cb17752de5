"""The Fisher-vector product: the kernel whose cost decides what a natural gradient costs."""

from collections.abc import Callable

from torch import Tensor

from algos.networks import Linearized
from algos.policies.families import OutputMetric


def fisher_vector_product(
    linearization: Linearized, metric_at: Callable[[Tensor], OutputMetric], weights: Tensor | None = None
) -> Callable[[Tensor], Tensor]:
    """v [P] -> F v [P], F = J' W M J / B: the Fisher matrix of the batch, exact and undamped, never built.

    J is the Jacobian of the outputs [B, D] and M = metric_at(outputs) the Fisher metric in output space (Martens 2020,
    section 9: for these families F equals the generalised Gauss-Newton matrix and the Hessian of KL(old || new) at
    new = old). W holds the rows' weights [B], of mean 1; without any, rows count alike.
    """
    share = linearization.outputs.new_tensor(1 / len(linearization.outputs))  # a number is made a tensor every time
    parts, end = [], 0
    for part in linearization.blocks():
        start, end = end, end + len(part.outputs)
        at_part = metric_at(part.outputs)
        parts.append((part, at_part if weights is None else weighted(at_part, weights[start:end])))
    (first, metric), *others = parts

    def times(v: Tensor) -> Tensor:
        product = first.gram(v, metric, share)
        for part, metric_there in others:
            product.add_(part.gram(v, metric_there, share))
        return product

    return times


def weighted(metric: OutputMetric, weights: Tensor) -> OutputMetric:
    """d [B, D] -> w M d, for weights [B]."""
    column = weights.unsqueeze(-1)
    return lambda d: column * metric(d)
