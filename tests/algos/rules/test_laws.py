"""What every rule must do, whoever wrote it. No rule is named here."""

import dataclasses
import inspect
import math
import os
import pickle
import re
from pathlib import Path

import pytest
import torch

import algos.rules
from algos.ascent import (
    Adam,
    Always,
    AscentRule,
    Backtracking,
    ByEveryAgreement,
    BySignal,
    Constant,
    DampedKLRadius,
    Fixed,
    Gradient,
    KLRadius,
    KLWithin,
    LowerBoundImproves,
    Natural,
    QuadraticBound,
    SufficientIncrease,
    SurrogateImproves,
)
from algos.estimators import measure_change
from algos.finite import NonFinite
from algos.rules import RULES
from algos.search_space import search_space
from experiments.factories import factory_of
from experiments.outside import resolve

ODD = {
    "gradient to a radius": (Gradient(), KLRadius(0.01), Backtracking((SurrogateImproves(), KLWithin()))),
    "gradient to a quadratic bound": (Gradient(), QuadraticBound(5.0), Backtracking((LowerBoundImproves(),))),
    "adam to a radius": (Adam(), KLRadius(0.01), Backtracking((SurrogateImproves(),))),
    "natural with armijo": (Natural(), Fixed(0.5), Backtracking((SufficientIncrease(),))),
    "natural to a damped radius": (Natural(), DampedKLRadius(0.01), Always()),
    "a search that cannot succeed": (Natural(), KLRadius(0.1), Backtracking((KLWithin(1e-14),), max_trials=2)),
}


def chosen_rules():
    """The rule from outside that POLICY_ASCENT_RULE names, FILE.py:FUNCTION, alone; nothing otherwise."""
    named = os.environ.get("POLICY_ASCENT_RULE")
    return {named: factory_of(resolve(named, Path.cwd()))} if named else {}


FACTORIES = chosen_rules() or RULES | {
    name: lambda policy, parts=parts: AscentRule(policy, *parts) for name, parts in ODD.items()
}


@pytest.fixture(params=FACTORIES.values(), ids=FACTORIES.keys())
def rule(request, problem):
    return request.param(problem.policy)


def tensors(thing):
    """Every tensor in a state or a batch, however deep."""
    if isinstance(thing, torch.Tensor):
        return [thing]
    if dataclasses.is_dataclass(thing):
        thing = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
    return [t for part in thing for t in tensors(part)] if isinstance(thing, (list, tuple)) else []


def after(rule, problem, batch=None, updates=1):
    state, info = rule.init(problem.theta), None
    for _ in range(updates):
        state, info = rule.update(state, batch or problem.batch)
    return state, info


def test_update_leaves_its_arguments_untouched_and_is_deterministic(rule, problem):
    state = rule.init(problem.theta)
    state, _ = rule.update(state, problem.batch)
    before = [t.clone() for t in tensors([state, problem.batch])]
    first, first_info = rule.update(state, problem.batch)
    assert all(a.equal(b) for a, b in zip(tensors([state, problem.batch]), before, strict=True))
    torch.manual_seed(99)
    generator = torch.get_rng_state()
    second, second_info = rule.update(state, problem.batch)
    assert torch.get_rng_state().equal(generator), "a rule that samples keeps a generator of its own in its state"
    assert all(a.equal(b) for a, b in zip(tensors(first), tensors(second), strict=True))
    assert repr(first_info) == repr(second_info)


def test_without_advantages_nothing_moves(rule, problem):
    state, _ = after(rule, problem, problem.with_advantages(torch.zeros(60).double()), updates=2)
    assert state.theta.equal(problem.theta)


def test_batches_without_a_signal_teach_nothing(rule, problem):
    """Nothing was tried: no schedule moves, and the next step is no longer than it would have been."""
    state, batch = rule.init(problem.theta), dataclasses.replace(problem.batch, n_envs=4)
    ordinary, _ = rule.update(state, batch)
    empty = dataclasses.replace(batch, advantages=torch.zeros(60).double())
    for _ in range(9):
        state, info = rule.update(state, empty)
        assert info.trials == ()
    assert getattr(state, "scale", 1.0) == 1.0
    after_nine, _ = rule.update(state, batch)
    lengths = [float((new.theta - problem.theta).norm()) for new in (after_nine, ordinary)]
    assert lengths[0] <= 2 * lengths[1], lengths  # a moving mean of squares that starts at zero has its share in two


def test_advantages_of_noise_alone_move_no_schedule_away(rule, problem):
    """Forty batches of it, each from the same theta: a scale stays, or what it moved by makes no step much longer.

    A schedule that steers a divergence corrects it on any batch, and one that anneals counts every step. Two answer to
    noise on purpose: one by the share of signal, one by whatever a single batch says.
    """
    if isinstance(getattr(rule, "radius", None), BySignal | ByEveryAgreement):
        pytest.skip("a schedule that is there to answer to noise")
    g, batch = torch.Generator().manual_seed(3), dataclasses.replace(problem.batch, n_envs=4)
    state = rule.init(problem.theta)
    if not hasattr(state, "scale"):
        return  # nothing that a schedule could move
    # two are enough for one that is constant
    batches = 2 if isinstance(getattr(rule, "radius", None), Constant) else 40
    for noise in torch.randn(batches, 60, generator=g, dtype=torch.float64):
        noisy = dataclasses.replace(batch, advantages=noise - noise.mean())
        state, _ = rule.update(dataclasses.replace(state, theta=problem.theta), noisy)
    ordinary = dataclasses.replace(state, scale=1.0)  # moments of a direction are no schedule's affair
    if state.scale != 1.0:
        steps = [rule.update(dataclasses.replace(each, theta=problem.theta), batch)[0] for each in (state, ordinary)]
        later, before = (float((new.theta - problem.theta).norm()) for new in steps)
        assert 0.5 < later / before < 1.5, state.scale


def test_a_predicted_gain_is_the_promise_for_the_whole_step(rule, problem):
    """Of a short one, on which a promise is kept but for the curvature."""
    batch = problem.with_advantages(problem.batch.advantages * 1e-3)
    state, info = after(rule, problem, batch)
    change = measure_change(problem.policy, problem.theta, state.theta, batch, info)
    if math.isnan(info.predicted_gain):
        assert math.isnan(change.agreement)
    else:
        assert info.predicted_gain == pytest.approx(change.linear_gain, rel=0.1)


def test_a_small_step_does_not_lower_the_surrogate(rule, problem):
    """Small by small advantages, and for rules that normalise their length, whatever length they choose."""
    batch = problem.with_advantages(problem.batch.advantages * 1e-3)
    state, info = after(rule, problem, batch)
    change = measure_change(problem.policy, problem.theta, state.theta, batch, info)
    assert change.surrogate_gain >= 0, change
    assert math.isnan(info.predicted_gain) or info.predicted_gain >= 0
    if info.predicted_gain > 0 and change.kl < 1e-5:
        assert change.agreement == pytest.approx(1, rel=0.05), "a promise is for the whole step"


@pytest.mark.parametrize("factor", [2.0**-20, 1024.0])
def test_the_scale_of_advantages_does_not_move_a_step_to_a_radius(rule, problem, factor):
    if not isinstance(getattr(rule, "step_size", None), KLRadius | DampedKLRadius) or isinstance(rule.direction, Adam):
        pytest.skip("the rule has no radius, or a direction with a memory of scales")
    state, _ = after(rule, problem)
    scaled, _ = after(rule, problem, problem.with_advantages(problem.batch.advantages * factor))
    torch.testing.assert_close(scaled.theta, state.theta, rtol=1e-9, atol=1e-12)


def test_all_numbers_are_finite_and_a_rejected_step_is_no_step(rule, problem):
    state, info = after(rule, problem, updates=3)
    assert all(torch.isfinite(t).all() for t in tensors(state) if t.is_floating_point())
    for field in dataclasses.fields(info):
        value = getattr(info, field.name)
        if isinstance(value, float):
            assert math.isfinite(value) or math.isnan(value), (field.name, value)
    for name in ("surrogate_gain", "kl", "quadratic_kl", "max_kl"):  # nan: the search has no use for it, in any trial
        settled = [name != "surrogate_gain" and t.surrogate_gain <= 0 for t in info.trials]  # by the gain alone
        values = [getattr(t, name) for t, by_gain in zip(info.trials, settled, strict=True) if not by_gain]
        assert all(map(math.isfinite, values)) or all(map(math.isnan, values)), (name, info.trials)
    again, info = rule.update(state, problem.batch)
    if not info.accepted:
        assert again.theta.equal(state.theta)


@pytest.mark.parametrize("column", ["obs", "advantages"])
def test_a_batch_with_nan_is_refused_loudly(rule, problem, column):
    values = getattr(problem.batch, column).clone()
    values[7] = math.nan
    with pytest.raises(NonFinite):
        after(rule, problem, dataclasses.replace(problem.batch, **{column: values}))


def test_theta_keeps_its_precision_and_needs_no_gradient(rule, problem):
    single = problem.in_single_precision()
    theta = after(rule, single, updates=3)[0].theta
    assert (theta.dtype, theta.shape, theta.requires_grad) == (torch.float32, single.theta.shape, False)
    assert torch.isfinite(theta).all()


def test_all_tensors_are_made_on_the_device_of_the_batch(rule, problem):
    """Were one made without a device, it would land on `meta` here and could not meet the others."""
    expected = after(rule, problem, updates=2)[0].theta
    with torch.device("meta"):
        theta = after(rule, problem, updates=2)[0].theta
    assert theta.device.type == "cpu" and theta.equal(expected)


def test_a_rule_says_what_it_is_and_survives_a_pickle(rule, problem):
    assert "0x" not in repr(rule)
    copy = pickle.loads(pickle.dumps(rule))
    assert repr(copy) == repr(rule)
    assert after(copy, problem)[0].theta.equal(after(rule, problem)[0].theta)


@pytest.mark.parametrize("factory", (chosen_rules() or RULES).values(), ids=(chosen_rules() or RULES).keys())
def test_every_hyper_parameter_is_a_keyword_with_a_default_and_the_source_is_told(factory):
    policy, *hyper = inspect.signature(factory).parameters.values()
    assert policy.name == "policy"
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in hyper)
    if chosen_rules():
        return  # how a rule from outside is documented is its author's affair
    text = inspect.getdoc(factory)
    assert text and any(character.isdigit() for character in text), "formula and source, with a year"
    assert all(p.name in text for p in hyper), "each hyper-parameter with the source of its default"


def test_no_rule_is_named_in_this_file():
    assert not set(re.findall(r"\w+", Path(__file__).read_text(encoding="utf-8"))) & set(RULES)


def test_every_file_of_rules_is_in_the_table():
    files = {file.stem for file in Path(algos.rules.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {factory.__module__.rsplit(".", 1)[1] for factory in RULES.values()}


@pytest.mark.parametrize("factory", [f for f in FACTORIES.values() if f in RULES.values()])
def test_what_tuning_would_try_is_declared_and_holds_the_default(factory):
    """Two to four numbers, where the rule has as many."""
    keywords = [p for p in inspect.signature(factory).parameters.values() if p.kind is p.KEYWORD_ONLY]
    space = search_space(factory)
    assert min(2, len(keywords)) <= len(space) <= 4
    defaults = {p.name: p.default for p in keywords}
    for name, choices in space.items():
        assert defaults[name] in choices and choices.source, f"{name} of {factory.__name__}"
