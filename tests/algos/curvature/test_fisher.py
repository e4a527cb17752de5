from itertools import product

import numpy as np
import torch
from algos_cases import dense
from torch.autograd.functional import hessian, jacobian

from algos.curvature import fisher_vector_product
from algos.policies import Categorical, MultiCategorical


def test_three_definitions_of_the_fisher_matrix_agree(problem):
    policy, theta, obs = problem.policy, problem.theta, problem.batch.obs
    linear = policy.network.linearize(theta, obs)
    ours = dense(fisher_vector_product(linear, policy.family.fisher), len(theta))
    old = policy.outputs(theta, obs)
    as_hessian = hessian(lambda t: policy.family.kl(old, policy.outputs(t, obs)).mean(), theta)
    torch.testing.assert_close(ours, as_hessian, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(ours, expected_outer_product_of_scores(policy, theta, obs), rtol=1e-8, atol=1e-10)


def expected_outer_product_of_scores(policy, theta, obs):
    """E[score score'] over the policy's own actions: exact for choices, by Gauss-Hermite nodes for the normals."""
    d = policy.outputs(theta, obs)
    if isinstance(policy.family, Categorical):
        nodes = [(torch.full((len(obs),), a), d.softmax(-1)[:, a]) for a in range(policy.family.n)]
    elif isinstance(policy.family, MultiCategorical):
        p = [part.softmax(-1) for part in d.split(policy.family.sizes, -1)]
        nodes = [
            (torch.tensor(a).expand(len(obs), -1), torch.stack([p[i][:, c] for i, c in enumerate(a)]).prod(0))
            for a in product(*map(range, policy.family.sizes))
        ]
    else:
        x, w = (torch.tensor(v) for v in np.polynomial.hermite_e.hermegauss(5))
        w = w / w.sum()
        nodes = [
            (policy.family.act(d, torch.stack([x[i], x[j]])), (w[i] * w[j]).expand(len(obs)))
            for i in range(5)
            for j in range(5)
        ]
    total = torch.zeros(len(theta), len(theta)).double()
    for actions, weight in nodes:
        score = jacobian(lambda t, a=actions: policy.log_prob(t, obs, a), theta)
        total += score.T @ (weight[:, None] * score)
    return total / len(obs)
