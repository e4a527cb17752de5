"""The README's examples, as a reader would copy them."""

import re
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt

from experiments import load_matrix
from experiments.__main__ import COMMANDS
from experiments.until_decided import ANALYSES

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_it_is_short():
    assert TEXT.count("\n") <= 200


def test_the_matrix_and_the_rule_of_ones_own_are_taken(tmp_path):
    whole, sign, own = blocks("toml")
    (tmp_path / "mine.toml").write_text(whole)
    assert len(load_matrix(str(tmp_path / "mine.toml")).cells) == 30
    (tmp_path / "sign_pg.py").write_text(next(code for code in blocks("python") if code.startswith("# sign_pg.py")))
    (tmp_path / "maze.py").write_text("from gymnasium.envs.classic_control import CartPoleEnv as Maze\n")
    (tmp_path / "mine.py").write_text("def worst_kl(results, *, better='lower'):\n    ...\n")
    (tmp_path / "own.toml").write_text(own + sign)
    cells = load_matrix(str(tmp_path / "own.toml")).cells
    assert {cell.label for cell in cells} == {"sign(lr=0.001)", "sign(lr=0.01)"} and {c.env for c in cells} == {"Maze"}


def test_numbers_in_its_prose_are_those_of_the_code():
    quick = load_matrix("quick").cells
    assert len({cell.seed for cell in quick}) == 8 and "with eight seeds of each rule" in TEXT
    assert len({cell.env for cell in quick}) == 2 and "on two small problems" in TEXT
    assert ", ".join(map(str, ANALYSES)) + " seeds" in TEXT
    needed = tomllib.loads((README.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert f"Python {needed[:2]} {needed[2:]} " in TEXT


def test_every_command_in_it_is_one(tmp_path):
    lines = [line for code in blocks("sh") for line in code.splitlines() if line.startswith("policy-ascent ")]
    named = {match[1] for line in lines if (match := re.match(r"policy-ascent (\w\S*)", line))}
    assert named and named <= COMMANDS.keys()


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    code = next(code for code in blocks("python") if "build_matrix" in code)
    assert '"seeds": 6' in code
    monkeypatch.chdir(tmp_path)
    figure, ax = plt.subplots()
    exec(code.replace('"seeds": 6', '"seeds": 1'), {"ax": ax})
    assert r"\toprule" in capsys.readouterr().out and len(ax.lines) == 2
    plt.close(figure)
