"""Compiled steps are torch's but for rounding, and a cell has them."""

import pickle
from dataclasses import replace

import numba
import pytest
import torch
from algos_cases import make_large, make_problem

from algos.estimators import Clipped, Fitted, ImportanceSampled, MinibatchAdam, Truncated
from algos.estimators.objectives import SquaredError, SurrogateObjective
from algos.estimators.regularised import KLPenalised, RatioPenalised
from algos.estimators.surrogates import Unweighted
from algos.finite import NonFinite
from algos.networks import MLP
from algos.optim import TORCH_STEPS, Adam, Plain, Plan, Reached, TorchSteps, shuffles
from algos.policies import Categorical, DiagonalGaussian, Policy, SquashedGaussian
from algos.rules import RULES
from experiments.cell import compiled_steps
from experiments.cell.compiled_steps import CompiledSteps
from experiments.cell.run import Run

SINGLE, DOUBLE = torch.float32, torch.float64
FAMILIES = {"categorical": Categorical(3), "gaussian": DiagonalGaussian(2), "squashed": SquashedGaussian(2)}
HIDDEN = [(), (8,), (7, 5), (4, 5, 6)]
SURROGATES = [Clipped(0.05), ImportanceSampled(), Unweighted(), KLPenalised(3.0), RatioPenalised(0.1)]
G = torch.Generator().manual_seed(0)


TORCHS = TorchSteps.take


class _Torch(CompiledSteps):
    """Torch's, also where a test lets nothing be left to torch."""

    take = TORCHS


class Left(Exception):
    """Left to torch."""


@pytest.fixture
def compiled_only(monkeypatch):
    def refuse(*_):
        raise Left

    monkeypatch.setattr(TorchSteps, "take", refuse)


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES.keys())
def family(request):
    return request.param


def started(optimizer, theta):
    """After a few gradients of another run, so that moments matter."""
    memory = optimizer.init(theta)
    g = torch.Generator().manual_seed(3)
    for _ in range(3):
        _, memory = optimizer.advance(0.1 * torch.randn(len(theta), generator=g).to(theta.dtype), memory)
    return Reached(theta, memory)


def both(problem, objective, plan, orders):
    """What compiled steps reach in single precision, and torch's in double."""
    theta, network = problem.nearby(0.2), problem.policy.network
    exact = TORCH_STEPS.take(network, objective, started(plan.optimizer, theta), orders, plan)
    batch = objective.batch
    columns = {name: getattr(batch, name).float() for name in ("obs", "advantages")}
    if batch.actions.is_floating_point():
        columns["actions"] = batch.actions.float()
    single = replace(objective, batch=replace(batch, **columns))
    start = started(plan.optimizer, theta.float())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TorchSteps, "take", lambda *_: pytest.fail("left to torch"))
        return CompiledSteps().take(network, single, start, orders, plan), exact, theta


@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("surrogate", SURROGATES, ids=repr)
@pytest.mark.parametrize(("optimizer", "lr"), [(Plain(), 1.0), (Adam(0.8, 0.95, 1e-3), 0.02)], ids=repr)
@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_they_lead_where_torchs_steps_in_double_precision_lead(family, hidden, surrogate, optimizer, lr, epochs):
    """Zero epochs stand for one step; 60 rows are no multiple of 16."""
    problem = make_problem(family, hidden=hidden)
    orders = shuffles(60, epochs, seed=1) if epochs else shuffles(60, 1, seed=1)[:, :16]
    plan = Plan(optimizer, lr, 16, max_norm=0.1)
    ours, exact, before = both(problem, SurrogateObjective(family, surrogate, problem.batch), plan, orders)
    assert (exact.theta - before).norm() > 0.01
    assert (ours.theta.double() - exact.theta).norm() < 1e-4 * (exact.theta - before).norm()
    if exact.memory is not None:
        assert ours.memory.steps == exact.memory.steps
        for name in ("mean", "square"):
            expected = getattr(exact.memory, name)
            assert (getattr(ours.memory, name).double() - expected).norm() < 1e-4 * expected.norm()


@pytest.mark.parametrize("name", ["ppo", "spo", "ppo_penalty", "per_step_pg"])
@pytest.mark.parametrize("family", [Categorical(2), DiagonalGaussian(6)], ids=repr)
def test_whole_updates_of_rules_are_torchs_in_single_precision(family, name, compiled_only):
    """At the size that runs have: 2,048 rows, 64x64."""
    problem = make_large(family, 17)
    found, rules = [], [RULES[name](replace(problem.policy, steps=steps)) for steps in (CompiledSteps(), _Torch())]
    for rule in rules:
        state, info = rule.update(rule.init(problem.theta), problem.batch)
        assert info.gradient_evaluations == (128 if name == "per_step_pg" else 320)
        found.append(state.theta - problem.theta)
    assert (found[0] - found[1]).norm() < 1e-4 * found[1].norm()


@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
def test_adams_critic_is_torchs_fit_after_fit_and_leaves_its_arguments_alone(hidden, compiled_only):
    network, obs = MLP(5, hidden, 1), torch.randn(150, 5, generator=G)
    targets = obs[:, 0].tanh() + 0.1 * torch.randn(150, generator=G)
    first = Fitted(network.init(torch.Generator().manual_seed(1), 1.0))
    kept, ends = first.theta.clone(), []
    for steps in (CompiledSteps(), _Torch()):
        regression = MinibatchAdam(3, 64, 0.01, steps=steps)
        second = regression.fit(network, first, obs, targets)
        held = second.memory["adam"].mean.clone(), second.memory["adam"].square.clone()
        ends.append(regression.fit(network, second, obs, targets).theta)
        assert regression.fit(network, second, obs, targets).theta.equal(ends[-1])
        assert second.memory["adam"].mean.equal(held[0]) and second.memory["adam"].square.equal(held[1])
    assert first.theta.equal(kept)
    assert (ends[0] - ends[1]).norm() < 1e-3 * (ends[1] - kept).norm()


@pytest.mark.parametrize("column", ["obs", "advantages", "log_probs", "actions"])
def test_nan_in_a_batch_is_found(family, column, compiled_only):
    problem = make_problem(family, SINGLE)
    values = getattr(problem.batch, column).clone()
    if not values.is_floating_point():
        pytest.skip("integers")
    values[7] = float("nan")
    objective = SurrogateObjective(family, Clipped(), replace(problem.batch, **{column: values}))
    with pytest.raises(NonFinite, match="holds nan or infinity"):
        _one_epoch(problem.policy.network, objective, problem.theta)


def test_nan_in_theta_and_infinity_on_the_way_are_found(family, compiled_only):
    problem = make_problem(family, SINGLE)
    objective = SurrogateObjective(family, Unweighted(), problem.batch)
    for place in range(len(problem.theta)):
        theta = problem.theta.clone()
        theta[place] = float("nan")
        with pytest.raises(NonFinite, match="log ratios holds nan or infinity"):
            _one_epoch(problem.policy.network, objective, theta)
    with pytest.raises(NonFinite, match="theta holds nan"):
        batch = replace(problem.batch, advantages=problem.batch.advantages * 100)
        _one_epoch(problem.policy.network, replace(objective, batch=batch), problem.theta, lr=3e38, size=60)
    targets = torch.full((60,), float("nan"))
    critic = MLP(3, (4,), 1)
    with pytest.raises(NonFinite, match="gradient holds nan"):
        _one_epoch(critic, SquaredError(problem.batch.obs, targets), torch.zeros(critic.size))


def test_what_they_are_not_compiled_for_is_left_to_torch(family, compiled_only):
    single, double = make_problem(family, SINGLE), make_problem(family, DOUBLE)
    network, batch, theta = single.policy.network, single.batch, single.theta
    objective = SurrogateObjective(family, Clipped(), batch)

    class Other(MLP):
        pass

    class Louder(Adam):
        def advance(self, gradient, state):
            return super().advance(2 * gradient, state)

    other = Other(network.input_size, network.hidden, network.output_size, network.free_size)
    many = MLP(3, (4,), 2)
    cases = [
        (other, objective, theta, {}),
        (double.policy.network, SurrogateObjective(family, Clipped(), double.batch), double.theta, {}),
        (network, replace(objective, surrogate=Truncated()), theta, {}),
        (network, objective, theta, {"optimizer": Louder()}),
        (network, objective, theta.to("meta"), {}),
        (network, replace(objective, batch=batch.to("meta")), theta.to("meta"), {}),
        (many, SquaredError(batch.obs, batch.advantages), torch.zeros(many.size), {}),
        (network, objective, theta, {"orders": torch.tensor([[60]])}),  # torch tells what is wrong with it
        (network, replace(objective, batch=replace(batch, obs=batch.obs[:, :2])), theta, {}),
    ]
    if isinstance(family, Categorical):
        cases.append((network, replace(objective, batch=replace(batch, actions=batch.actions + 3)), theta, {}))
    for case in cases:
        with pytest.raises(Left):
            _one_epoch(*case[:3], **case[3])
    _one_epoch(network, objective, theta)


def test_a_cell_has_them_and_nothing_is_compiled_on_its_clock(make_spec):
    run = Run(make_spec())
    assert run.policy.steps == CompiledSteps() != TORCH_STEPS
    settings = make_spec(critic="adam").settings
    assert settings.regression(0, run.policy.steps).steps == CompiledSteps()
    ready = compiled_steps._kernel.cache_info().currsize
    rule = RULES["ppo"](Policy.mlp(3, settings.hidden, DiagonalGaussian(2), steps=run.policy.steps), minibatch=7)
    problem = make_problem(DiagonalGaussian(2), SINGLE, settings.hidden)
    rule.update(rule.init(problem.theta), problem.batch)
    assert compiled_steps._kernel.cache_info().currsize == ready > 0


def test_a_policy_that_has_them_survives_a_pickle_and_does_not_tell():
    policy = Policy.mlp(3, (4,), Categorical(2), steps=CompiledSteps())
    assert pickle.loads(pickle.dumps(policy)) == policy and "Steps" not in repr(policy)


def test_where_the_code_cannot_be_kept_it_is_compiled_all_the_same(monkeypatch):
    kept, real = [], numba.njit

    def njit(signature, cache=False, **options):
        kept.append(cache)
        if cache:
            raise OSError(28, "No space left on device")
        return real(signature, **options)

    compiled_steps._kernel.cache_clear()
    monkeypatch.setattr(numba, "njit", njit)
    CompiledSteps.prepared(0)
    assert kept == [True, False]
    compiled_steps._kernel.cache_clear()


def _one_epoch(network, objective, theta, optimizer=None, orders=None, lr=0.1, size=16):
    optimizer, orders = optimizer or Plain(), torch.arange(60)[None] if orders is None else orders
    plan = Plan(optimizer, lr, size)
    return CompiledSteps().take(network, objective, Reached(theta, optimizer.init(theta)), orders, plan)
