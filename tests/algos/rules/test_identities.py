"""What theory says about particular rules."""

import dataclasses
import inspect

import pytest
import torch
from algos_cases import FAMILIES, make_problem, on_perceptrons

from algos.ascent import AscentRule, Backtracking, Gradient, KLRadius, KLWithin, LocalModel, SurrogateImproves
from algos.estimators import measure_change
from algos.networks import Linearized
from algos.policies import Policy
from algos.rules import RULES


def step(rule, problem):
    state, info = rule.update(rule.init(problem.theta), problem.batch)
    return state.theta - problem.theta, info


@pytest.mark.parametrize("name", ["vanilla_pg", "npg", "trpo", "mm_quadratic", "ppo", "history_pg", "per_step_pg"])
def test_every_number_among_the_hyper_parameters_reaches_the_rule(name, problem):
    for parameter in list(inspect.signature(RULES[name]).parameters.values())[1:]:
        other = parameter.default + 1 if isinstance(parameter.default, int) else parameter.default / 2
        changed = RULES[name](problem.policy, **{parameter.name: other})
        assert repr(changed) != repr(RULES[name](problem.policy)), parameter.name


@pytest.mark.parametrize("max_kl", [0.001, 0.02, 0.5])
def test_trpo_never_leaves_its_radius(problem, max_kl):
    moved, info = step(RULES["trpo"](problem.policy, max_kl=max_kl), problem)
    change = measure_change(problem.policy, problem.theta, problem.theta + moved, problem.batch, info)
    assert info.accepted and 0 < change.kl <= max_kl


@pytest.mark.parametrize("max_kl", [0.001, 0.5])
def test_trpo_first_tries_the_step_whose_quadratic_kl_is_the_radius(problem, max_kl):
    _, info = step(RULES["trpo"](problem.policy, max_kl=max_kl), problem)
    assert info.trials[0].quadratic_kl == pytest.approx(max_kl, rel=1e-9)


@on_perceptrons
def test_trpo_rejects_steps_that_only_the_surrogate_or_only_the_kl_would_take(problem):
    downhill = AscentRule(problem.policy, Downhill(), KLRadius(0.01), RULES["trpo"](problem.policy).acceptance)
    moved, info = step(downhill, problem)
    assert all(trial.kl <= 0.01 and trial.surrogate_gain < 0 for trial in info.trials)
    assert not info.accepted and not moved.any()
    far = RULES["trpo"](problem.policy, max_kl=0.5)
    strict = Backtracking((SurrogateImproves(), KLWithin(factor=0.04)))
    _, info = step(dataclasses.replace(far, acceptance=strict), problem)
    assert any(trial.surrogate_gain > 0 and trial.kl > 0.02 and not trial.accepted for trial in info.trials)


class Downhill:
    """The gradient, the wrong way."""

    def init(self, theta):
        return None

    def head(self, model, state):
        uphill, _ = Gradient().head(model, None)
        return dataclasses.replace(uphill, vector=-uphill.vector, slope=-uphill.slope), None


@on_perceptrons
def test_undamped_mm_quadratic_is_the_natural_gradient_over_beta(problem):
    exact = {"damping": 0.0, "cg_iterations": 1000}
    bounded, info = step(RULES["mm_quadratic"](problem.policy, beta=1e5, **exact), problem)  # small: taken at once
    natural, _ = step(RULES["npg"](problem.policy, lr=1e-5, **exact), problem)
    assert len(info.trials) == 1 and info.beta == 1e5 and info.step_size == pytest.approx(1e-5, rel=1e-6)
    torch.testing.assert_close(bounded, natural, rtol=1e-6, atol=1e-14)


@on_perceptrons
def test_mm_quadratic_takes_the_first_trial_that_raises_its_lower_bound(problem):
    _, info = step(RULES["mm_quadratic"](problem.policy, beta=50.0, damping=0.0, cg_iterations=1000), problem)
    raised = [trial.surrogate_gain > 50.0 * trial.kl for trial in info.trials]
    assert info.accepted and raised == [False] * (len(raised) - 1) + [True] and len(raised) > 1


def test_a_step_to_the_quadratic_bounds_maximum_spends_half_of_its_slope(problem):
    moved, info = step(RULES["mm_quadratic"](problem.policy, beta=50.0), problem)
    model = LocalModel(problem.policy, problem.theta, problem.batch)
    assert len(info.trials) == 1
    assert 50.0 * float(moved @ model.fisher(moved)) == pytest.approx(info.predicted_gain)


@dataclasses.dataclass
class Chained:
    """A linearisation by phi, from the one by theta."""

    inner: Linearized
    matrix: torch.Tensor

    @property
    def outputs(self):
        return self.inner.outputs

    def jvp(self, v):
        return self.inner.jvp(self.matrix @ v)

    def vjp(self, u):
        return self.matrix.T @ self.inner.vjp(u)

    def gram(self, v, metric, scale):
        return scale * self.vjp(metric(self.jvp(v)))

    def blocks(self):
        return [self]


class Stretched:
    """The same policies, reached by phi with theta = A phi."""

    def __init__(self, network, matrix):
        self.network, self.matrix = network, matrix

    def __call__(self, phi, x):
        return self.network(self.matrix @ phi, x)

    def linearize(self, phi, x):
        return Chained(self.network.linearize(self.matrix @ phi, x), self.matrix)


INVARIANT = {"npg": True, "trpo": True, "mm_quadratic": True, "vanilla_pg": False}


@pytest.mark.parametrize("name", INVARIANT)
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_a_natural_step_does_not_depend_on_the_parametrisation(family, name):
    problem = make_problem(
        family, hidden=(2,)
    )  # few parameters, so that the undamped Fisher matrix is well conditioned
    size = len(problem.theta)
    g = torch.Generator().manual_seed(3)
    matrix = torch.eye(size).double() + 0.3 * torch.randn(size, size, generator=g).double() / size**0.5
    stretched = Policy(Stretched(problem.policy.network, matrix), problem.policy.family)
    hyper = {} if name == "vanilla_pg" else {"damping": 0.0, "cg_iterations": 300}
    plain = RULES[name](problem.policy, **hyper)
    warped = RULES[name](stretched, **hyper)
    direct = plain.update(plain.init(problem.theta), problem.batch)[0].theta
    phi = warped.update(warped.init(torch.linalg.solve(matrix, problem.theta)), problem.batch)[0].theta
    batch = problem.batch
    log_prob = problem.policy.log_prob(direct, batch.obs, batch.actions)
    difference = float((stretched.log_prob(phi, batch.obs, batch.actions) - log_prob).abs().max())
    moved = float((log_prob - batch.log_probs).abs().max())
    assert (difference < 1e-4 * moved) is INVARIANT[name], (difference, moved)


def test_an_ablation_differs_from_trpo_in_one_field(problem):
    whole = RULES["trpo"](problem.policy)
    names = [name for name in RULES if RULES[name].__module__.endswith("trpo_ablations")]
    assert len(names) == 13
    for name in names:
        other = RULES[name](problem.policy)
        fields = [f.name for f in dataclasses.fields(whole) if getattr(other, f.name) != getattr(whole, f.name)]
        assert fields in (["direction"], ["step_size"], ["acceptance"]), name


def test_keeping_rejected_steps_keeps_them(problem):
    far = RULES["trpo_keep_rejected"](problem.policy, max_kl=0.5, max_trials=1)
    held = RULES["trpo"](problem.policy, max_kl=0.5, max_trials=1)
    (moved, info), (stayed, told) = step(far, problem), step(held, problem)
    assert info.trials == told.trials and (told.accepted or (moved.any() and not stayed.any()))


def test_mm_theory_hardly_moves(problem):
    moved, info = step(RULES["mm_theory"](problem.policy), problem)
    change = measure_change(problem.policy, problem.theta, problem.theta + moved, problem.batch, info)
    assert info.accepted and 0 < change.kl < 1e-6 and info.beta > 100


def test_a_rule_that_needs_no_curvature_computes_none(problem, monkeypatch):
    def refuse(model, vector):
        raise AssertionError("inside the update's clock")

    monkeypatch.setattr(LocalModel, "curvature", refuse)
    for name in ("vanilla_pg", "vanilla_pg_adam", "npg"):
        moved, info = step(RULES[name](problem.policy), problem)
        assert moved.any() and info.accepted, name
    with pytest.raises(AssertionError, match="clock"):
        step(RULES["trpo"](problem.policy), problem)
