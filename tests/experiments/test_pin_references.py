import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "pin_references.py"


@pytest.fixture
def script(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("pin_references", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "pin_references", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "REFERENCES", tmp_path / "references.csv")
    (tmp_path / "references.csv").write_text(",".join(module.COLUMNS) + "\n")
    return module


def test_a_new_environment_gets_a_line_and_the_same_seeds_the_same_numbers(script):
    for _ in range(2):
        assert script.main(script.Arguments(("CartPole-v1",), episodes=20)) == 0
        table = pd.read_csv(script.REFERENCES).set_index("env")
        line = table.loc["CartPole-v1"]
        assert (line.reference, line.random_n) == (475, 20) and line.random_ci_low < line.random < line.random_ci_high
        assert line.random == pytest.approx(script.returns_of("CartPole-v1", 20, 0).mean(), abs=1e-3)


def test_the_controller_swings_the_pendulum_up(script):
    returns = script.returns_of("Pendulum-v1", 10, 0, script.swing_up)
    assert np.median(returns) > -250 and returns.min() > -700


@pytest.mark.parametrize(("names", "episodes"), [(("Mars-v0",), 5), (("CartPole-v1",), 1)])
def test_bad_input_is_refused_and_the_file_kept(script, names, episodes):
    before = script.REFERENCES.read_text()
    assert script.main(script.Arguments(names, episodes)) == 2
    assert script.REFERENCES.read_text() == before
