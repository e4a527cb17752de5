"""Settings of the pipeline, changed one at a time for all rules alike."""

import pytest

from experiments.matrix_file import MatrixError, load_matrix

FILE = """
seeds = [100]
[settings]
evaluations = 2
[sweep]
batch_size = [1024, 4096]
gamma = [0.98]
hidden = [[32], [64, 32]]
[environments.CartPole-v1]
budget = 30_000
[environments.Pendulum-v1]
budget = 60_000
gamma = 0.9
[rules.trpo]
[rules.npg]
settings = { batch_size = 512 }
"""


def read(tmp_path, text):
    (tmp_path / "m.toml").write_text(text)
    return load_matrix(str(tmp_path / "m.toml"))


def test_every_rule_runs_as_it_is_and_with_each_value_alone(tmp_path):
    matrix = read(tmp_path, FILE)
    cells = {(cell.label, cell.env): cell.settings for cell in matrix.cells}
    assert len(cells) == len(matrix.cells) == 6 + 5 + 4 + 3
    assert cells["trpo(batch_size=1024)", "Pendulum-v1"].batch_size == 1024
    assert cells["trpo(batch_size=1024)", "Pendulum-v1"].gamma == 0.9, "only one thing is changed"
    assert cells["npg(hidden=(64, 32))", "CartPole-v1"].hidden == (64, 32)
    assert cells["npg(hidden=(64, 32))", "CartPole-v1"].batch_size == 512
    assert matrix.head["sweep"] == {"batch_size": [1024, 4096], "gamma": [0.98], "hidden": [(32,), (64, 32)]}


def test_what_an_environment_or_a_rule_sets_itself_is_not_swept_there(tmp_path):
    cells = {(cell.label, cell.env) for cell in read(tmp_path, FILE).cells}
    assert ("trpo(gamma=0.98)", "CartPole-v1") in cells and ("trpo(gamma=0.98)", "Pendulum-v1") not in cells
    assert not any(label.startswith("npg(batch_size") for label, _ in cells)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("gamma = [0.98]", "gama = [0.98]", "sweep.gama: not a setting that may be swept"),
        ("gamma = [0.98]", "eval_episodes = [2]", "sweep.eval_episodes: not a setting that may be swept"),
        ("gamma = [0.98]", "gamma = 0.98", "sweep.gamma: expected a list of different values"),
        ("gamma = [0.98]", "gamma = [0.98, 0.98]", "sweep.gamma: expected a list of different values"),
        ("gamma = [0.98]", "gamma = [1.5]", "gamma: Input should be less than 1"),
        ("[rules.trpo]", "[rules.trpo]\nmax_kl = [0.01, 0.02]", "sweep: changes settings one at a time"),
        ("[rules.trpo]", "[tune]\npoints = 2\n[rules.trpo]", "sweep: changes settings one at a time"),
    ],
)
def test_what_is_wrong_with_a_sweep_is_said(tmp_path, before, after, problem):
    with pytest.raises(MatrixError) as found:
        read(tmp_path, FILE.replace(before, after, 1))
    assert any(problem in line for line in found.value.problems), found.value.problems
