import math
from dataclasses import asdict, fields, replace

import pytest
import torch
from stage_cases import EVERY, POLE, entry

from algos.ascent import LocalModel
from algos.ascent.blind_spot import Places, Signal, measure_places, measure_signal
from algos.estimators import Change
from algos.finite import require_finite
from algos.rules import RULES
from algos.types import COLUMNS, Info
from experiments.cell.failures import Diverged, EnvironmentFailed
from experiments.cell.streams import integer_seed
from experiments.forks.fork import Forks, cosine, digest_of
from experiments.forks.stage import reach
from experiments.records import ForkRow
from experiments.spec import build_rule


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """Forks of every rule on one stage, on a problem where returns are known."""
    from experiments.spec import RunSpec, Settings

    settings = Settings(
        n_envs=4, batch_size=256, hidden=(8, 8), evaluations=1, eval_episodes=2, final_episodes=2, normalize_obs=False
    )
    trpo = EVERY[list(RULES).index("trpo")]
    spec = RunSpec(
        env="FrozenLake-v1", env_kwargs={"is_slippery": False}, rule="trpo", label="trpo", hyper=trpo.hyper, seed=0,
        budget=256, settings=settings,
    )  # fmt: skip
    (stage,) = reach(spec, [1024], tmp_path_factory.mktemp("stages"))
    forks = Forks(spec, stage, 2)
    return forks, {entry.label: forks.fork(entry) for entry in EVERY}


@pytest.fixture
def pole(make_spec, tmp_path):
    spec = make_spec(**POLE)
    (stage,) = reach(spec, [64], tmp_path)
    return Forks(spec, stage, 4)


UNCOMMON = {
    "images": ("Photographs-v0", {"network": "cnn"}),
    "several choices": ("Choices-v0", {}),
    "squashed actions": ("Reach-v0", {"action_distribution": "squashed_gaussian"}),
}


@pytest.mark.parametrize("kind", UNCOMMON)
def test_every_rule_makes_a_step_whatever_is_seen_and_done(kind, make_spec, fakes, tmp_path):
    env, settings = UNCOMMON[kind]
    spec = make_spec(f"space_environments:{env}", batch_size=64, budget=64, evaluations=1, **settings)
    (stage,) = reach(spec, [64], tmp_path)
    forks = Forks(spec, stage, 2)
    rows = [forks.fork(entry) for entry in EVERY]
    forks.close()
    assert {row.label: (row.status, row.reason) for row in rows if row.status != "ok"} == {}
    moved = [row for row in rows if row.theta_digest != digest_of(stage.theta)]
    assert len(moved) > len(rows) / 2 and all(math.isfinite(row.kl + row.return_after) for row in rows)


def test_every_rule_has_a_row_with_finite_numbers(lake):
    _, rows = lake
    assert set(rows) == set(RULES) and all(row.status == "ok" for row in rows.values())
    for row in rows.values():
        measured = [getattr(row, name) for name in ("surrogate_gain", "held_out_gain", "kl", "max_kl", "update_s")]
        assert all(map(math.isfinite, measured)) and row.kl >= -1e-6 and row.exact


def test_what_rules_and_pipeline_say_of_a_step_has_a_column():
    columns = {field.name for field in fields(ForkRow)}
    left_out = {
        "uses",
        "reuses",
        "cg_iterations",
        "cg_residual",
        "radius",
        "euclidean_radius",
        "ess",
        "max_weight",
        "extras",
    }
    assert {field.name for field in fields(Info)} - left_out <= columns
    assert {field.name for part in (Change, Signal, Places) for field in fields(part)} <= columns


def test_a_row_is_what_the_rule_makes_of_the_batch(lake):
    forks, rows = lake
    stage = forks.stage
    for name in ("trpo", "ppo", "mm_quadratic"):
        rule = build_rule(name, {}, forks.policy, integer_seed(forks.spec.seed, "rule"))
        state, info = rule.update(rule.init(stage.theta), stage.batch)
        row = rows[name]
        assert row.theta_digest == digest_of(state.theta) and row.accepted == info.accepted
        assert row.return_after == forks.judge.worth(state.theta).return_after
        assert row.step_norm == pytest.approx(float((state.theta - stage.theta).norm()))


def test_a_fork_says_what_its_batch_is_worth_and_where_its_step_goes(lake):
    forks, rows = lake
    stage, row = forks.stage, rows["trpo"]
    of_batch = asdict(measure_signal(forks.policy, stage.theta, stage.batch))
    assert of_batch == {name: getattr(row, name) for name in of_batch} and math.isfinite(row.natural_signal_share)
    rule = build_rule("trpo", {}, forks.policy)
    state, _ = rule.update(rule.init(stage.theta), stage.batch)
    starts = torch.cat([part.obs[part.times == 0] for part in (stage.batch, stage.held_out)])
    longest = 1 + max(int(part.times.max()) for part in (stage.batch, stage.held_out))
    places = asdict(measure_places(forks.policy, stage.theta, state.theta, stage.batch, starts, longest))
    assert places == {name: getattr(row, name) for name in places} and row.start_kl > 0
    assert len({rows[name].start_kl for name in rows}) > 5, "of each rule's own step"


def test_directions_are_known_by_their_cosines(lake):
    forks, rows = lake
    assert rows["vanilla_pg"].gradient_cosine == pytest.approx(1, abs=1e-5)
    assert rows["trpo_identity"].gradient_cosine == pytest.approx(1, abs=1e-5)
    assert rows["trpo"].natural_cosine == pytest.approx(1, abs=0.01)
    assert rows["vanilla_pg"].natural_cosine < rows["trpo"].natural_cosine
    gradient = LocalModel(forks.policy, forks.stage.theta, forks.stage.batch).gradient
    assert rows["vanilla_pg"].true_cosine == pytest.approx(cosine(gradient.double(), forks.judge.gradient), abs=1e-4)
    held_out = LocalModel(forks.policy, forks.stage.theta, forks.stage.held_out).gradient
    assert rows["vanilla_pg"].held_out_cosine == pytest.approx(cosine(gradient, held_out), abs=1e-4)


def test_a_small_step_gains_what_the_gradient_says(lake):
    forks, _ = lake
    row = forks.fork(entry("vanilla_pg", "short", lr=1e-2))
    assert row.predicted_gain == pytest.approx(row.surrogate_gain, rel=0.02)
    step = row.step_norm * row.true_cosine * float(forks.judge.gradient.norm())
    assert row.return_after - row.return_before == pytest.approx(step, rel=0.05)


def test_a_step_that_is_not_taken_changes_nothing_and_has_no_direction(lake):
    forks, _ = lake
    row = forks.fork(entry("trpo", "never", max_kl=1e-30, max_trials=1))
    assert not row.accepted and row.theta_digest == digest_of(forks.stage.theta)
    assert row.return_after == row.return_before and row.kl == row.held_out_gain == row.step_norm == 0
    assert math.isnan(row.gradient_cosine) and math.isnan(row.natural_cosine)


class Vandal:
    """Overwrites what it is given."""

    def __init__(self, policy):
        self.inner = RULES["vanilla_pg"](policy)

    def init(self, theta):
        return self.inner.init(theta)

    def update(self, state, batch):
        found = self.inner.update(replace(state, theta=state.theta.clone()), batch)
        for name in COLUMNS:
            getattr(batch, name).zero_()
        state.theta.zero_()
        return found


def test_every_rule_gets_the_same_batch_bit_for_bit(pole, monkeypatch):
    seen, build = [], build_rule

    class Spy(Vandal):
        def update(self, state, batch):
            seen.append((state.theta.numpy().tobytes(), *(getattr(batch, n).numpy().tobytes() for n in COLUMNS)))
            return super().update(state, batch)

    theta = pole.stage.theta.clone()
    monkeypatch.setattr("experiments.cell.checked_rule.build_rule", lambda rule, hyper, policy, seed: Spy(policy))
    first = pole.fork(EVERY[0])
    pole.fork(EVERY[1])
    assert len(set(seen)) == 1 and len(seen) >= 2 and pole.stage.theta.equal(theta)
    monkeypatch.setattr("experiments.cell.checked_rule.build_rule", build)
    assert pole.fork(entry("vanilla_pg")).theta_digest == first.theta_digest


def test_equal_policies_are_judged_once(pole, monkeypatch):
    judged, worth = [], pole.judge.worth
    monkeypatch.setattr(pole.judge, "worth", lambda theta: judged.append(digest_of(theta)) or worth(theta))
    rows = [pole.fork(entry(rule)) for rule in ("tnpg", "trpo_surrogate_check", "vanilla_pg", "tnpg")]
    assert judged == list(dict.fromkeys(row.theta_digest for row in rows)) and len(judged) < 4
    assert rows[0].return_after == rows[3].return_after


class Broken:
    def __init__(self, how):
        self.how = how

    def init(self, theta):
        return RULES["vanilla_pg"](None).init(theta)

    def update(self, state, batch):
        if self.how == "raises":
            raise ZeroDivisionError("no curvature")
        if self.how == "masked":
            require_finite(gradient=state.theta * torch.nan)
        return replace(state, theta=state.theta * {"nan": torch.nan, "absurd": 1e9}[self.how]), Info()


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("raises", "rule_error", "ZeroDivisionError: no curvature"),
        ("nan", "diverged", "theta not finite"),
        ("masked", "diverged", "update: gradient holds nan or infinity"),
        ("absurd", "diverged", "theta beyond 1e"),
    ],
)
def test_a_rule_that_goes_wrong_is_a_row_with_a_reason_and_stops_no_other(pole, monkeypatch, how, status, reason):
    with monkeypatch.context() as patched:
        patched.setattr("experiments.cell.checked_rule.build_rule", lambda rule, hyper, policy, seed: Broken(how))
        row = pole.fork(entry("trpo"))
    assert (
        (row.status, row.label) == (status, "trpo") and row.reason.startswith(reason) and math.isnan(row.return_after)
    )
    assert pole.fork(entry("trpo")).status == "ok"


@pytest.mark.parametrize(
    ("error", "status"),
    [(Diverged("policy_outputs not finite"), "diverged"), (EnvironmentFailed("on fire"), "env_error"),
     (KeyError("ours"), "internal_error"),
     (MemoryError(), "oom")],
)  # fmt: skip
def test_a_policy_that_cannot_be_judged_is_a_row_too(pole, monkeypatch, error, status):
    def fails(theta):
        raise error

    monkeypatch.setattr(pole.judge, "worth", fails)
    row = pole.fork(entry("trpo"))
    assert row.status == status and math.isfinite(row.kl) and math.isnan(row.return_after)


def test_hyper_parameters_out_of_range_are_a_row_too(pole):
    row = pole.fork(entry("trpo", damping=-1.0))
    assert row.status == "rule_error" and "damping must not be negative" in row.reason
