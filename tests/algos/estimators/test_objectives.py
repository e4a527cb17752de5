from dataclasses import replace

import pytest
import torch

from algos.ascent import LocalModel
from algos.estimators.objectives import SquaredError, SurrogateObjective
from algos.estimators.surrogates import WEIGHTINGS, Clipped
from algos.finite import NonFinite

G = torch.Generator().manual_seed(0)


@pytest.mark.parametrize("surrogate", [*WEIGHTINGS.values(), Clipped(0.05)], ids=repr)
def test_a_surrogates_gradient_is_that_of_the_local_model_on_all_rows_and_on_some(problem, surrogate):
    objective = SurrogateObjective(problem.policy.family, surrogate, problem.batch)
    theta = problem.nearby(0.2)
    for rows in (slice(None), slice(4, 29), torch.tensor([7, 3, 50])):
        part = objective.rows(rows)
        linear = problem.policy.network.linearize(theta, part.obs)
        model = LocalModel(problem.policy, theta, problem.batch.rows(rows), surrogate)
        torch.testing.assert_close(linear.vjp(part.slope(linear.outputs)), model.gradient)


def test_log_ratios_must_be_finite(problem):
    batch = replace(problem.batch, log_probs=problem.batch.log_probs * float("inf"))
    with pytest.raises(NonFinite, match="log ratios"):
        SurrogateObjective(problem.policy.family, Clipped(), batch).slope(
            problem.policy.outputs(problem.theta, batch.obs)
        )


def test_the_squared_error_is_ascended_on_with_its_sign_turned():
    targets = torch.randn(6, generator=G).double()
    outputs = torch.randn(6, 1, generator=G).double().requires_grad_()
    part = SquaredError(torch.randn(6, 2, generator=G), targets).rows(torch.tensor([5, 0, 1]))
    (-(outputs[[5, 0, 1], 0] - targets[[5, 0, 1]]).square().mean()).backward()
    torch.testing.assert_close(part.slope(outputs.detach()[[5, 0, 1]]), outputs.grad[[5, 0, 1]])
    assert part.obs.shape == (3, 2)
