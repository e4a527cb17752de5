import math
from contextlib import suppress
from dataclasses import asdict, fields, replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from algos.ascent.blind_spot import Places, Signal
from algos.estimators import measure_change
from experiments.cell.failures import Paused
from experiments.cell.run import Run
from experiments.cell.train import train
from experiments.cell.watch import STARTS, Watch
from experiments.forks.stage import Recorder
from experiments.records import CLOCKS, RunRow, UpdateRow
from experiments.spec import RunSpec, Settings

WATCHED = {field.name for part in (Signal, Places) for field in fields(part)} | {"hindsight_gain"}
LONG = {"budget": 640, "evaluations": 2}


def updates(spec):
    return [row for row in train(spec) if isinstance(row, UpdateRow)]


def numbers(rows, without=frozenset()):
    return [repr({k: v for k, v in asdict(row).items() if k not in without | CLOCKS}) for row in rows]


def test_a_run_that_is_not_watched_keeps_its_name_and_its_record(make_spec):
    spec = make_spec()
    assert set(spec.settings.model_dump()) == set(Settings.model_fields) - {"diagnose_every"}
    assert "diagnose_every" not in spec.model_dump_json(), "which the name is a digest of"
    watched = make_spec(diagnose_every=2)
    assert watched.run_id != spec.run_id and RunSpec.model_validate_json(watched.model_dump_json()) == watched
    assert RunSpec.model_validate_json(spec.model_dump_json()).settings.diagnose_every == 0


@pytest.mark.parametrize("rule", ["trpo", "ppo", "history_trpo"])
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_watching_changes_nothing_else_of_a_run(make_spec, env, rule):
    alone, watched = (list(train(make_spec(env, rule, **LONG, diagnose_every=every))) for every in (0, 1))
    names = WATCHED | {"run_id", "settings"}
    assert numbers(alone, names) == numbers(watched, names)
    rows = [row for row in alone if isinstance(row, UpdateRow)]
    assert len(rows) == 10 and all(math.isnan(getattr(row, name)) for row in rows for name in WATCHED)


def test_every_nth_update_is_looked_at(make_spec):
    rows = updates(make_spec("Pendulum-v1", **LONG, diagnose_every=3))
    known = [not math.isnan(row.signal_share) for row in rows]
    assert known == [n % 3 == 0 for n in range(10)]
    assert [not math.isnan(row.hindsight_gain) for row in rows] == [n % 3 == 0 and n > 0 for n in range(10)]
    each = updates(make_spec("Pendulum-v1", **LONG, diagnose_every=1))
    assert numbers(rows[::3], {"run_id"}) == numbers(each[::3], {"run_id"})


def test_hindsight_is_what_the_next_batch_says_of_going_back_in_the_unit_of_the_step(make_spec):
    run = Run(make_spec("InvertedDoublePendulum-v5", **LONG, diagnose_every=1))
    run.rule = recorder = Recorder(run.rule)
    thetas, batches, rows = [], [], []
    for _ in range(6):
        thetas.append(run.state.theta)
        rows += [row for row in run.step() if isinstance(row, UpdateRow)]
        batches.append(recorder.batch)
    run.close()
    for k, (before, after) in enumerate(pairwise(batches)):
        raw = after.advantages.double() * after.advantage_scale * after.reward_scale
        log_probs = run.policy.log_prob(thetas[k], after.obs, after.actions)
        gain = -((log_probs - after.log_probs).exp() - 1) @ raw / len(raw)
        unit = before.advantage_scale * before.reward_scale
        assert rows[k + 1].hindsight_gain == pytest.approx(float(gain) / unit, rel=1e-4, abs=1e-6)
        back = measure_change(run.policy, thetas[k + 1], thetas[k], after).surrogate_gain
        share = after.advantage_scale * after.reward_scale / unit
        assert rows[k + 1].hindsight_gain == pytest.approx(-back * share, rel=1e-9, abs=1e-12)
    assert len({row.hindsight_gain for row in rows[1:]}) > 1


def test_starts_are_remembered_as_the_present_normaliser_makes_them(make_spec):
    run = Run(make_spec("Pendulum-v1", **LONG, diagnose_every=1))
    run.rule = recorder = Recorder(run.rule)
    list(run.step())
    raw = recorder.batch.obs[:4].double() * recorder.batch.normalization.std + recorder.batch.normalization.mean
    rows = [row for _ in range(3) for row in run.step() if isinstance(row, UpdateRow)]
    kept, batch = run.watch.state()["_starts"], recorder.batch
    assert not (batch.times == 0).any() and batch.times.max() == 63, "episodes of 200 steps go on"
    expected = (raw - batch.normalization.mean) / batch.normalization.std
    assert torch.allclose(kept.double(), expected, atol=1e-5) and len(kept) == 4
    assert rows[-1].start_kl > 0 and rows[-1].start_rows == 0
    run.close()


def test_the_latest_starts_are_kept_and_no_more(make_spec):
    run = Run(make_spec("CartPole-v1", **LONG))
    watch = Watch(run.policy, 1)
    batch, _, _ = run.estimate(run.collector.collect(run.state.theta))
    for value in (1.0, 2.0, 3.0):
        rows = torch.full((40, 4), value)
        times = torch.zeros(40, dtype=torch.long)
        seen = replace(batch.rows(slice(40)), obs=rows, times=times, normalization=None)
        watch.look(0, run.state.theta, run.state.theta, seen)
    kept = watch.state()["_starts"]
    assert len(kept) == STARTS and (kept[-40:] == 3).all() and (kept[:24] == 2).all()
    run.close()


def test_thirds_are_of_the_longest_episode_so_far(make_spec):
    rows = updates(make_spec("Pendulum-v1", budget=1280, evaluations=2, diagnose_every=1))
    known = np.array([[not math.isnan(getattr(r, n)) for n in ("early_kl", "middle_kl", "late_kl")] for r in rows])
    assert known[0].all(), "of the first batch alone"
    assert not known[13, 1:].any() and known[13, 0], "after 200 steps four environments start anew, all at once"
    assert known[6:].any(0).all()


@pytest.mark.parametrize("every", [1, 2])
def test_a_run_in_pieces_is_watched_as_one_that_was_never_stopped(tmp_path, make_spec, every):
    spec = make_spec("InvertedDoublePendulum-v5", budget=512, evaluations=4, checkpoint_every=64, diagnose_every=every)
    whole = list(train(spec))
    rows = []
    while not rows:
        with suppress(Paused):
            rows = list(train(spec, checkpoint=tmp_path / "c", pause=lambda: True))
    assert numbers(rows) == numbers(whole) and isinstance(rows[-1], RunRow) and rows[-1].status == "ok"


@pytest.mark.parametrize("env", ["Photographs-v0", "Choices-v0", "Reach-v0"])
def test_so_are_images_and_uncommon_spaces(make_spec, fakes, env):
    network = {"network": "cnn"} if env == "Photographs-v0" else {}
    rows = updates(make_spec(f"space_environments:{env}", **LONG, **network, diagnose_every=1))
    assert all(math.isfinite(row.signal_share + row.start_kl) for row in rows if row.step_norm)
