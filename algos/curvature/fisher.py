"""The Fisher-vector product: the kernel whose cost decides what a natural gradient costs."""

from collections.abc import Callable

from torch import Tensor

from algos.networks import Linearized
from algos.policies.families import OutputMetric


def fisher_vector_product(
    linearization: Linearized, metric_at: Callable[[Tensor], OutputMetric]
) -> Callable[[Tensor], Tensor]:
    """v [P] -> F v [P], F = J' M J / B: the Fisher matrix of the batch, exact and undamped, never built.

    J is the Jacobian of the outputs [B, D] and M = metric_at(outputs) the Fisher metric in output space (Martens 2020,
    section 9: for these families F equals the generalised Gauss-Newton matrix and the Hessian of KL(old || new) at
    new = old).
    """
    share = linearization.outputs.new_tensor(1 / len(linearization.outputs))  # a number is made a tensor every time
    (first, metric), *others = [(part, metric_at(part.outputs)) for part in linearization.blocks()]

    def times(v: Tensor) -> Tensor:
        product = first.gram(v, metric, share)
        for part, metric_there in others:
            product.add_(part.gram(v, metric_there, share))
        return product

    return times
