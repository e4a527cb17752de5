import json

import pytest

from experiments.arguments import Arguments
from experiments.matrix_file import load_matrix
from experiments.run_matrix import main
from experiments.store import Store
from experiments.until_decided import run_until_decided

TEXT = """
[settings]
n_envs = 4
batch_size = 64
evaluations = 2
[environments.CartPole-v1]
budget = 640
[environments.Pendulum-v1]
budget = 640
[rules.trpo]
[rules.npg]
[compare]
rules = [["trpo", "npg"]]
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "m.toml").write_text(TEXT)
    return str(tmp_path / "m.toml")


def test_only_what_is_undecided_gets_more_seeds_and_every_analysis_is_kept(tmp_path, file, monkeypatch):
    """CartPole is decided at the second analysis, Pendulum never."""
    asked = []

    def analyse(store, seeds, verdicts):
        asked.append((seeds, dict(verdicts)))
        decided = {"CartPole-v1": seeds >= 10, "Pendulum-v1": False}
        return [
            {"name": env, "env": env, "first": "trpo", "second": "npg", "adjusted": 0.01,
             "verdict": "better" if yes else "undecided"}
            for env, yes in decided.items()
        ]  # fmt: skip

    monkeypatch.setattr("experiments.until_decided._analyse", analyse)
    ran = []
    with Store(tmp_path / "r") as store:
        code, last = run_until_decided(store, lambda n: load_matrix(file, n), lambda cells: ran.append(cells) or 0)
        planned = json.loads((store.root / "manifest.json").read_text())
        analyses = json.loads((store.root / "interim.json").read_text())
    assert code == 0 and [c["verdict"] for c in last] == ["better", "undecided"]
    seeds = {env: max(c.seed for c in ran[-1] if c.env == env) + 1 for env in ("CartPole-v1", "Pendulum-v1")}
    assert seeds == {"CartPole-v1": 10, "Pendulum-v1": 20}
    assert [n for n, _ in asked] == [5, 10, 15, 20] and asked[2][1]["CartPole-v1"] == "better"
    assert len(analyses) == 4 and len(planned["cells"]) == 2 * (10 + 20)
    assert planned["compare"]["rules"] == [["trpo", "npg"]]


def test_a_matrix_that_declares_nothing_is_refused(tmp_path, capsys):
    (tmp_path / "m.toml").write_text(TEXT.split("[compare]")[0])
    assert main(Arguments(str(tmp_path / "m.toml"), out=tmp_path / "r", until_decided=True)) == 2
    assert "declares no comparison" in capsys.readouterr().err and not (tmp_path / "r").exists()


def test_it_chooses_its_seeds_itself(file, capsys):
    assert main(Arguments(file, seeds=3, until_decided=True)) == 2
    assert "chooses seeds and cells itself" in capsys.readouterr().err
