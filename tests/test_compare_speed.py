"""The race beside other libraries: what becomes of a peer that is not there, and what a ratio is."""

import json
import subprocess
import sys

import compare_speed
import pytest
from compare_speed import OURS, Arguments, Side, race, start

from analysis.readme import BLOCKS

ECHO = 'make = lambda *told: lambda: print("noise")\nPACKAGES = ("numpy",)\n'


class Fake:
    """A racer of so many CPU seconds per round."""

    def __init__(self, side, rule, env, arguments):
        self.who, self.start_s = side.racer, 10.0
        self.seconds = iter({OURS: (1.0, 1.0, 2.0), "sb3": (3.0, 4.0, 4.0)}[side.racer])

    def train(self):
        return next(self.seconds)

    def close(self):
        pass


def test_a_peer_that_is_not_there_is_named_and_stops_nobody(monkeypatch, capsys):
    monkeypatch.setitem(compare_speed.FOLDERS, "sbx_ppo", "-nowhere")
    assert start(Side("sbx_ppo"), "ppo", "CartPole-v1", Arguments()) is None
    said = capsys.readouterr().out
    assert said.startswith("not raced: sbx_ppo") and "-nowhere" in said and said.strip().endswith("is not there")


def test_a_peer_that_fails_says_why(monkeypatch, tmp_path, capsys):
    (tmp_path / "serve.py").write_text("raise SystemExit('no such task')")
    monkeypatch.setattr(compare_speed, "RACERS", tmp_path)
    assert start(Side("sb3"), "ppo", "CartPole-v1", Arguments()) is None
    assert "sb3 with ppo on CartPole-v1: no such task" in capsys.readouterr().out


def test_a_ratio_is_that_of_rounds(monkeypatch, tmp_path):
    monkeypatch.setattr(compare_speed, "Racer", Fake)
    (row,) = race("ppo", "CartPole-v1", Side(OURS), (Side("sb3"),), Arguments(rounds=3, updates=1, batch=120))
    assert (row["ours"], row["theirs"]) == (120, 30)  # of the medians
    assert (row["lowest"], row["ratio"], row["highest"]) == (2, 3, 4)  # of 3/1, 4/1 and 4/2
    assert (row["our_start_s"], row["their_start_s"]) == (8, 2)  # two rounds' time is no start
    (tmp_path / "benchmarks").mkdir()
    compare_speed.write([row], tmp_path / "benchmarks" / "compare_speed.csv")
    assert BLOCKS["speed"](tmp_path)[2:] == ["| `ppo`, CartPole-v1 | 120 | sb3: 3.00 (2.00 to 4.00) |"]
    assert "| 120 (16) | sb3 | 30 (16) | 3.00 (2.00 to 4.00) | 8.0, 2.0 |" in BLOCKS["race"](tmp_path)[2]


@pytest.mark.parametrize("calls", [0, 2])
def test_a_side_answers_once_and_for_every_line_whatever_its_library_prints(tmp_path, calls):
    (tmp_path / "serve.py").write_text((compare_speed.RACERS / "serve.py").read_text())
    (tmp_path / "echo.py").write_text(ECHO)
    told = [sys.executable, str(tmp_path / "serve.py"), "echo", "ppo", "CartPole-v1", "16", "2048", "1"]
    out = subprocess.run(told, input="\n" * calls, capture_output=True, text=True, check=True).stdout
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == 1 + calls
    assert all(answer["who"].startswith("numpy ") and answer["cpu_s"] >= 0 for answer in answers)
