import torch

from algos.estimators import Fitted, GaussNewton, ValueBaseline


def test_a_baseline_predicts_what_its_regression_fitted():
    obs = torch.randn(80, 3, generator=torch.Generator().manual_seed(0)).double()
    baseline = ValueBaseline.mlp(3, (8,), GaussNewton(steps=2))
    state = baseline.init(torch.Generator().manual_seed(1), torch.float64)
    returns = 3 + obs[:, 0].tanh()
    for _ in range(20):
        state = baseline.fit(state, obs, returns)
    assert isinstance(state, Fitted) and baseline.predict(state, obs).shape == (80,)
    assert float((baseline.predict(state, obs) - returns).square().mean()) < 0.1
