"""What an environment says of its episodes becomes columns of evaluations."""

import math

import numpy as np
import pytest

from analysis.load import load
from analysis.measures import measure_runs
from analysis.page.tables import summary_tables
from analysis.summary import summarize
from experiments.cell.environments import environments_of
from experiments.cell.episode_info import EpisodeInfo, number_of
from experiments.cell.failures import EnvironmentFailed
from experiments.cell.train import train
from experiments.management.export import points
from experiments.matrix_file import Matrix, MatrixError, load_matrix
from experiments.records import EvaluationRow, UpdateRow, read_cell
from experiments.spec import altered
from experiments.store import Store


@pytest.fixture
def spec(make_spec, fakes):
    """Episodes of five steps; their numbers are 0, 1, 2, ... in each of the evaluation's four environments."""

    def make(*info, **kwargs):
        return altered(make_spec(fakes + "Reports-v0", env_kwargs=kwargs, final_episodes=4, eval_episodes=4), info=info)

    return make


def evaluations_of(spec):
    *rows, run = train(spec)
    assert run.status == "ok", run.reason
    return [row for row in rows if isinstance(row, EvaluationRow)], rows


def test_the_value_at_an_episodes_last_step_is_taken_and_the_mean_over_all_episodes(spec):
    evaluations, _ = evaluations_of(spec("at", "success"))
    assert {row.extras["at"] for row in evaluations} == {5.0}, "the last step's, whatever was said before"
    first = evaluations[0]  # every environment plays its episode number 0, whose success is that it is even
    assert first.extras["success"] == 1.0 and evaluations[1].extras["success"] == 0.0


def test_an_episode_that_does_not_say_it_leaves_no_mean(spec, capfd):
    evaluations, _ = evaluations_of(spec("rare", "at"))
    assert all(math.isnan(row.extras["rare"]) and row.extras["at"] == 5.0 for row in evaluations)
    assert "info has rare at the end of 0 of 4 episodes; no mean" in capfd.readouterr().out


def test_a_mean_is_over_all_episodes_or_there_is_none():
    info = EpisodeInfo(2, ["x", "y"])
    info.take(0, {"x": 1, "y": 3})
    info.take(1, {"y": 4, "z": 5})
    assert math.isnan(info.means()["x"]) and info.means()["y"] == 3.5


def test_who_asks_for_nothing_gets_the_same_rows_without(spec):
    plain, rows = evaluations_of(spec())
    asked, more = evaluations_of(spec("at"))
    assert all(row.extras == {} for row in plain)
    assert [row.return_mean for row in plain] == [row.return_mean for row in asked]
    thetas = [[row.kl for row in found if isinstance(row, UpdateRow)] for found in (rows, more)]
    assert thetas[0] == thetas[1]


def test_only_the_judges_environments_go_through_gymnasium_for_it(make_spec):
    spec = make_spec("CartPole-v1")
    assert type(environments_of(spec, 1)) is not type(environments_of(spec, 1, informed=True))
    plain, asked = (evaluations_of(each)[0] for each in (spec, altered(spec, info=("kicks",))))
    assert [(row.return_mean, row.length_mean) for row in plain] == [
        (row.return_mean, row.length_mean) for row in asked
    ]


@pytest.mark.parametrize("value", [True, 3, 0.5, np.float32(0.5), np.array([2]), np.bool_(False), np.array(1)])
def test_what_is_a_number(value):
    assert number_of("x", value) == float(np.asarray(value).item())


@pytest.mark.parametrize("value", ["yes", [1, 2], {"r": 1}, np.zeros(2), 1j, float("inf")])
def test_what_is_none_is_the_environments_fault(value):
    with pytest.raises(EnvironmentFailed, match=r"info\['x'\] is .*; expected a (finite )?number"):
        number_of("x", value)
    assert math.isnan(number_of("x", None))


def test_an_info_that_is_no_dict_is_the_environments_fault():
    with pytest.raises(EnvironmentFailed, match="info is a list; expected a dict"):
        EpisodeInfo(2, ["x"]).take(0, [])


def test_such_a_run_ends_with_a_reason(spec):
    run = list(train(spec("text")))[-1]
    assert run.status == "env_error" and "info['text'] is str 'far'; expected a number" in run.reason


def test_they_are_part_of_the_cells_name_in_whatever_order(spec):
    assert len({spec().run_id, spec("at").run_id, spec("at", "success").run_id}) == 3
    assert spec("at", "success").run_id == spec("success", "at").run_id


def test_the_tables_and_trackers_have_them(tmp_path, spec):
    specs = [altered(spec("at", "success"), seed=seed) for seed in range(3)]
    with Store(tmp_path / "r") as store:
        store.plan(Matrix("m", tmp_path / "m.toml", tuple(specs), {}))
        for each in specs:
            *rows, run = train(each)
            store.write(each, run, rows)
    cell = read_cell(store.root / "cells" / specs[0].run_id)
    assert (cell.tables["evaluations"].extra_at == 5.0).all()
    assert any(values.get("final/sampled/extra_at") == 5.0 for _, values in points(cell))
    measures = measure_runs(load(store.root))
    assert (measures.extra_at == 5.0).all()
    (table,) = summary_tables(summarize(measures), seconds=False)
    heads = [head.text for head in table.heads]
    assert {"at", "success"} <= set(heads) and table.rows[0][heads.index("at")].text.startswith("5")


MATRIX = """
[settings]
n_envs = 4
batch_size = 64
evaluations = 1
[environments.CartPole-v1]
budget = 128
info = {}
[rules.trpo]
"""


def test_a_matrix_file_names_them(tmp_path):
    (tmp_path / "m.toml").write_text(MATRIX.format('["success", "at"]'))
    assert load_matrix(str(tmp_path / "m.toml")).cells[0].info == ("success", "at")


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ('"success"', "CartPole-v1.info: expected a list of different names"),
        ('["at", "at"]', "CartPole-v1.info: expected a list of different names"),
        ('["a b"]', "CartPole-v1.info: 'a b' is no name of a column"),
        ("[3]", "CartPole-v1.info: 3 is no name of a column"),
        ('["return_mean"]', "'return_mean' is the name of a column that every run has; choose another"),
    ],
)
def test_what_is_no_name_is_refused(tmp_path, info, message):
    (tmp_path / "m.toml").write_text(MATRIX.format(info))
    with pytest.raises(MatrixError, match=message) as caught:
        load_matrix(str(tmp_path / "m.toml"))
    assert len(caught.value.problems) == 1
