import torch
from algos_cases import dense

from algos.ascent import LocalModel
from algos.ascent.directions import Natural
from algos.curvature import EmpiricalFisher, Fisher, Identity, OneScore, SubsampledFisher


def matrix(problem, metric, batch=None):
    return dense(
        LocalModel(problem.policy, problem.theta, batch or problem.batch).metric_product(metric), len(problem.theta)
    )


def test_the_empirical_fisher_is_the_mean_outer_product_of_the_scores(problem):
    score = torch.autograd.functional.jacobian(
        lambda t: problem.policy.log_prob(t, problem.batch.obs, problem.batch.actions), problem.theta
    )
    torch.testing.assert_close(matrix(problem, EmpiricalFisher()), score.T @ score / 60, rtol=1e-8, atol=1e-10)


def test_the_subsampled_fisher_is_the_fisher_of_every_tenth_row(problem):
    few = problem.batch.rows(slice(None, None, 10))
    torch.testing.assert_close(matrix(problem, SubsampledFisher()), matrix(problem, Fisher(), few))
    torch.testing.assert_close(matrix(problem, SubsampledFisher(1)), matrix(problem, Fisher()))


def test_one_score_is_the_outer_product_of_the_middle_rows_score(problem):
    score = torch.autograd.functional.jacobian(
        lambda t: problem.policy.log_prob(t, problem.batch.obs, problem.batch.actions), problem.theta
    )[30]
    torch.testing.assert_close(matrix(problem, OneScore()), torch.outer(score, score), rtol=1e-8, atol=1e-10)


def test_with_one_score_the_direction_is_that_of_sherman_and_morrison(problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    heading, _ = Natural(2, 0.1, OneScore()).head(model, None)
    damped = matrix(problem, OneScore()) + 0.1 * torch.eye(len(problem.theta)).double()
    exact = torch.linalg.solve(damped, model.gradient)
    torch.testing.assert_close(heading.vector, exact, rtol=1e-7, atol=1e-9)


def test_the_identity_is_one_and_counts_no_product_where_the_others_do(problem):
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    product = model.metric_product(Identity())
    assert product(problem.theta).equal(problem.theta) and product(problem.theta) is not problem.theta
    assert model.fisher_products == 0
    for count, metric in enumerate((Fisher(), SubsampledFisher(), EmpiricalFisher()), 1):
        model.metric_product(metric)(problem.theta)
        assert model.fisher_products == count
