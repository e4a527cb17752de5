from contextlib import closing
from dataclasses import fields

import numpy as np
import pytest
import torch
from stage_cases import LAKE, POLE

import experiments.forks.stage as stage_module
from algos.estimators import measure_change
from algos.types import COLUMNS
from experiments.cell.run import Run
from experiments.forks.stage import HELD_OUT, reach, stage_steps
from experiments.identity import Code


def bits(stage):
    tensors = [stage.theta, *(getattr(b, name) for b in (stage.batch, stage.held_out) for name in COLUMNS)]
    return stage.env_steps, stage.moments, stage.reward_scale, [tensor.numpy().tobytes() for tensor in tensors]


def test_stages_are_whole_batches():
    assert stage_steps([300, 0, 64, 65, 120], 64) == [0, 64, 128, 320]


@pytest.mark.parametrize("case", [LAKE, POLE], ids=lambda case: case["env"])
def test_the_batch_is_the_one_that_the_trunk_learns_from_next(make_spec, tmp_path, case):
    spec = make_spec(**case)
    at = 2 * case["batch_size"]
    (stage,) = reach(spec, [at], tmp_path)
    with closing(Run(spec)) as run:
        for _ in range(2):
            list(run.step())
        assert run.state.theta.equal(stage.theta) and run.env_steps == stage.env_steps == at
        list(run.step())
        state, _ = run.rule.update(run.rule.init(stage.theta), stage.batch)
        assert state.theta.equal(run.state.theta), "trpo remembers nothing: its fork is the trunk's own next update"


def test_other_stages_and_interruptions_do_not_change_a_stage(make_spec, tmp_path):
    spec = make_spec(**POLE)
    for folder in ("alone", "among"):
        (tmp_path / folder).mkdir()
    (alone,) = reach(spec, [192], tmp_path / "alone")
    stages = reach(spec, [0, 64, 192], tmp_path / "among")
    next(stages)
    stages.close()  # interrupted after the first
    among = [*reach(spec, [0, 64, 192], tmp_path / "among")]
    assert [stage.env_steps for stage in among] == [0, 64, 192]
    assert bits(among[-1]) == bits(alone)


def test_a_stored_stage_is_read_and_comes_back_bit_for_bit(make_spec, tmp_path, monkeypatch):
    spec = make_spec(**LAKE)
    (made,) = reach(spec, [256], tmp_path)
    monkeypatch.setattr(Run, "step", lambda run: pytest.fail("trained again"))
    (read,) = reach(spec, [256], tmp_path)
    assert bits(read) == bits(made) and {f.name for f in fields(read)} == set(vars(made))


@pytest.mark.parametrize("spoil", ["torn", "other code"])
def test_a_stage_that_is_damaged_or_of_other_code_is_made_again(make_spec, tmp_path, monkeypatch, spoil):
    spec = make_spec(**POLE)
    (made,) = reach(spec, [64], tmp_path)
    (file,) = tmp_path.glob("*.stage")
    if spoil == "torn":
        file.write_bytes(file.read_bytes()[:-9])
    else:
        monkeypatch.setattr(stage_module, "code_of", lambda *_: Code((("new.py", ""),)))
    stored = file.read_bytes()
    (again,) = reach(spec, [64], tmp_path)
    assert bits(again) == bits(made) and file.read_bytes() != stored


def test_the_held_out_batch_is_of_the_same_policy_and_of_other_episodes(make_spec, tmp_path):
    spec = make_spec("Pendulum-v1", batch_size=256, budget=256, evaluations=1)
    (stage,) = reach(spec, [256], tmp_path)
    batch, held_out = stage.batch, stage.held_out
    assert len(held_out.obs) == HELD_OUT * len(batch.obs)
    seen = {row.tobytes() for row in batch.obs.numpy()}
    assert not seen & {row.tobytes() for row in held_out.obs.numpy()}
    with closing(Run(spec)) as run:
        found = run.policy.log_prob(stage.theta, held_out.obs, held_out.actions)
        torch.testing.assert_close(held_out.log_probs, found)
        change = measure_change(run.policy, stage.theta, stage.theta, held_out)
        assert change.surrogate_gain == 0.0
        list(run.step())
        expected = run.collector.normalizer.moments.state()
    assert stage.moments == expected, "the normaliser stands where the trunk's stood when it collected the batch"


def test_the_policy_sees_held_out_states_as_it_saw_its_own(make_spec, tmp_path):
    """Undone with the stage's moments, both batches are angles again: cos^2 + sin^2 = 1."""
    (stage,) = reach(make_spec("Pendulum-v1", batch_size=256, budget=256, evaluations=1), [256], tmp_path)
    std = np.sqrt(np.array(stage.moments["squares"]) / stage.moments["count"]) + 1e-8
    for batch in (stage.batch, stage.held_out):
        obs = batch.obs.numpy() * std + np.array(stage.moments["mean"])
        np.testing.assert_allclose(obs[:, 0] ** 2 + obs[:, 1] ** 2, 1, atol=1e-4)


def test_advantages_of_both_batches_are_in_the_same_unit(make_spec, tmp_path):
    """With raw advantages and rewards nothing is divided, so the same numbers must come out, but for the mean."""
    scaled = make_spec("Pendulum-v1", batch_size=256, budget=256, evaluations=1)
    raw = make_spec("Pendulum-v1", batch_size=256, budget=256, evaluations=1, normalize_advantages=False)
    (a,), (b,) = reach(scaled, [0], tmp_path), reach(raw, [0], tmp_path)
    expected = b.held_out.advantages.view(HELD_OUT, -1)
    expected = (expected - expected.mean(1, keepdim=True)).flatten().numpy()
    np.testing.assert_allclose(a.held_out.advantages * a.batch.advantage_scale, expected, rtol=1e-3, atol=1e-3)
