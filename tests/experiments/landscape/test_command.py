"""From a results directory to tables and figures."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from analysis.landscape import Arguments as Drawing
from analysis.landscape import main as draw
from experiments.cell.oracle import finite_mdp
from experiments.cell.run import Run
from experiments.cell.train import train
from experiments.landscape.__main__ import Arguments, main
from experiments.landscape.measure import Options, early_policy, ground_of, measure_landscape
from experiments.matrix_file import Matrix
from experiments.records import PROTOCOL, PolicyRow
from experiments.store import Store

FEW = {"points": 5, "plane_points": 5, "batch_size": 400, "episodes": 4}


@pytest.fixture
def lake(make_spec):
    return make_spec("FrozenLake-v1", env_kwargs={"is_slippery": False}, gamma=0.9, budget=512, batch_size=256)


@pytest.fixture
def results(tmp_path, make_spec, lake):
    specs = lake, make_spec("CartPole-v1"), make_spec("Pendulum-v1", gamma=0.9)
    with Store(tmp_path / "r") as store:
        store.plan(Matrix("m", tmp_path / "m.toml", specs, {}))
        *rows, run = train(lake)
        store.write(lake, run, rows)
    return store.root


def tables(folder):
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("landscape", "lines", "plane")}


def test_the_last_policy_of_a_finished_cell_exactly(results, lake, capsys):
    assert main(Arguments(results, "FrozenLake", **FEW)) == 0
    folder = results / "landscapes" / lake.run_id
    found = tables(folder)
    common = found["landscape"].iloc[0]
    assert common.exact and (common.rows, common.episodes, common.env_steps) == (16, 0, 512)
    assert all((table.protocol == PROTOCOL).all() for table in found.values())
    assert len(found["lines"]) == 3 * (6 + 5) and len(found["plane"]) == 25
    assert (found["lines"].bound <= found["lines"].return_mean + 1e-9).all()
    assert np.isclose(found["lines"][found["lines"].t == 1].quadratic_kl, 0.02).all()
    assert f"python -m analysis.landscape {folder}" in capsys.readouterr().out
    assert draw(Drawing(folder)) == 0
    assert all((folder / f"{name}.png").stat().st_size > 10_000 for name in ("lines", "plane"))


def test_from_python_it_is_what_the_command_writes(results, lake):
    few = {**FEW, "radius": 0.05}
    main(Arguments(results, "FrozenLake", at_steps=512, **few))
    common, lines, plane = measure_landscape(lake, 512, Options(**few))
    found = tables(results / "landscapes" / lake.run_id)
    assert common.radius == 0.05 and len(plane) == 25
    pd.testing.assert_frame_equal(lines, found["lines"].drop(columns="protocol"), check_dtype=False)
    with pytest.raises(ValueError, match="--radius must be positive, got 0"):
        measure_landscape(lake, 0, Options(radius=0))


@pytest.mark.parametrize("env", ["CartPole", "Pendulum"])
def test_an_early_policy_from_samples(results, env, tmp_path):
    out = tmp_path / "out"
    assert main(Arguments(results, env, at_steps=64, out=out, **FEW)) == 0
    found = tables(out)
    assert not found["landscape"].exact.item() and found["landscape"].env_steps.item() == 64
    assert found["lines"].bound.isna().all() and set(found["lines"].window) == {"radius"}
    here = found["lines"][found["lines"].t == 0]
    np.testing.assert_allclose(here.surrogate, here.return_mean)
    np.testing.assert_allclose(here.return_se, 0)


def test_a_cell_trained_again_has_the_policies_that_it_had(lake):
    kept = next(row for row in train(lake) if isinstance(row, PolicyRow))
    assert early_policy(lake, 512) == kept
    first = early_policy(lake, 0)
    assert first.env_steps == 0 and first.theta != kept.theta


def test_a_policy_sees_its_states_as_it_did_in_training(lake):
    run = Run(lake)
    list(run.step())
    ground = ground_of(lake, run.policy_row(), Options())
    seen = torch.from_numpy(run.collector.normalizer(np.eye(16))).double()
    pi = run.policy.outputs(run.state.theta.double(), seen).softmax(-1)
    assert ground.read(ground.theta).return_mean == pytest.approx(
        float(finite_mdp(lake.env, lake.env_kwargs, 0.9).eta(pi)), rel=1e-5
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "Acrobot"}, "no cell in"),
        ({"cell": "CartPole"}, "waiting.*has no last policy.*--at-steps"),
        ({"cell": "CartPole", "at_steps": 1000}, "between 0 and the cell's budget, 192, got 1000"),
        ({"radius": 0.0}, "--radius must be positive, got 0.0"),
        ({"plane_points": 1}, "--plane-points must be at least 3, got 1"),
        ({"damping": -1.0}, "--damping must not be negative"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(results, changes, message, capsys):
    assert main(Arguments(**{"results": results, "cell": "FrozenLake", **changes})) == 2
    printed = capsys.readouterr().err
    assert re.search(message, printed), printed
    assert not (results / "landscapes").exists()
