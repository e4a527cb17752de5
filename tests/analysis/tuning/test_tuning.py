"""A made-up tuning whose answers are known, through the command."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from analysis_cases import GRID, SCORES, write_cell
from matplotlib.image import imread

from analysis.tuning.__main__ import Arguments, main

SETTINGS = [0.02, 0.002, 0.0063, 0.063, 0.2]  # the default first
PLACES = {
    f"trpo(max_kl={value})": {"max_kl": place} for value, place in zip(SETTINGS, [0.5, 0, 0.25, 0.75, 1], strict=True)
}
# score of every setting: the best is .002 on one and .2 on the other; .02 is best for both
LEVELS = {"Easy-v0": [0.7, 1.0, 0.6, 0.2, 0.1], "Hard-v0": [0.7, 0.1, 0.2, 0.6, 1.0]}
SEEDS = [100, 101, 102]


def write(folder: Path, settings, labels, seeds, tune=True) -> Path:
    """Constant curves at LEVELS, a little higher with every seed."""
    cells = []
    for env, levels in LEVELS.items():
        low, high = SCORES[env]
        for (label, level), value in zip(zip(labels, levels, strict=True), settings, strict=True):
            for seed in seeds:
                z = level + (seed % 100) / 1000
                cell = write_cell(folder, env, label, seed, returns=[low + z * (high - low)] * len(GRID))
                cells.append(cell | {"hyper": {"max_kl": value, "damping": 0.1}})
    head = {"matrix": "made", "scores": SCORES, "defaults": {"trpo": {"max_kl": 0.02, "damping": 0.1}}, "cells": cells}
    if tune:
        head["tune"] = {"points": 5, "seeds": seeds, "share": 0.25, "places": PLACES}
    (folder / "manifest.json").write_text(json.dumps(head))
    return folder


@pytest.fixture
def tuning(tmp_path):
    folder = tmp_path / "tune"
    folder.mkdir()
    return write(folder, SETTINGS, [f"trpo(max_kl={value})" for value in SETTINGS], SEEDS)


def test_what_a_tuning_finds(tuning, capsys):
    assert main(Arguments(tuning)) == 0
    chosen = json.loads((tuning / "choices.json").read_text())
    assert chosen["seeds"] == SEEDS and chosen["rules"]["trpo"]["one"] == {"max_kl": 0.02}
    assert chosen["rules"]["trpo"]["each"] == {"Easy-v0": {"max_kl": 0.002}, "Hard-v0": {"max_kl": 0.2}}
    (row,) = pd.read_csv(tuning / "tables" / "tuning.csv").to_dict("records")
    assert row["default"] == pytest.approx(0.701) and row["one"] == pytest.approx(0.701)
    assert row["each"] == pytest.approx(1.001) and row["sensitivity"] == pytest.approx(0.3)
    spent = 5 * 3 * 0.25
    assert row["charged"] == pytest.approx(1.001 / (1 + spent))
    assert row["break_even"] == pytest.approx(spent * 0.701 / 0.3, rel=1e-5)
    best = pd.read_csv(tuning / "tables" / "best_of_k.csv").estimate
    assert best.iloc[0] == pytest.approx(0.521) and best.iloc[-1] == pytest.approx(1.001)
    assert best.is_monotonic_increasing
    printed = capsys.readouterr().out
    assert "# Tuning: made" in printed and "0.701" in printed and "choices.json" in printed
    for name in ("tuning", "responses"):
        assert imread(tuning / "figures" / f"{name}.png").std() > 0.01


def test_what_the_choices_are_worth_on_fresh_seeds(tuning, tmp_path):
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    labels = ["trpo", "trpo(per environment)", "trpo(default)", "npg", "other"]
    write(fresh, [0.02, 0.2, 0.02, 1.0, 1.0], labels, [0, 1], tune=False)
    assert main(Arguments(tuning, fresh=fresh)) == 0
    table = pd.read_csv(tuning / "tables" / "shrinkage.csv").set_index(["env", "choice"])
    assert len(table) == 6 and (table.n == 2).all()
    found = table.loc[("Hard-v0", "per environment")]
    assert found.tuning == pytest.approx(1.001) and found.fresh == pytest.approx(0.1005)
    assert found.shrinkage == pytest.approx(1.001 - 0.1005)
    assert "On fresh seeds" in (tuning / "tuning.md").read_text()


def test_seeds_that_chose_may_not_judge(tuning, tmp_path, capsys):
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    write(fresh, SETTINGS, ["trpo", "b", "c", "d", "e"], [102, 103], tune=False)
    assert main(Arguments(tuning, fresh=fresh)) == 2
    assert "has runs of seeds 102, by which the settings were chosen" in capsys.readouterr().err


def test_a_rule_that_lacks_a_run_is_left_out_and_named(tuning, capsys):
    shutil.rmtree(next((tuning / "cells").glob("trpo(max_kl=0.2)*")))
    assert main(Arguments(tuning)) == 2
    assert "no rule's tuning is complete: trpo: 1 of 30 runs are missing" in capsys.readouterr().err


def test_another_matrix_is_no_tuning(tmp_path, capsys):
    write(tmp_path, SETTINGS, ["a", "b", "c", "d", "e"], [0, 1], tune=False)
    assert main(Arguments(tmp_path)) == 2
    assert "is no tuning: its matrix has no [tune] table" in capsys.readouterr().err
