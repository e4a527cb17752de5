"""A made-up sweep over shared settings whose answers are known, through the command."""

import json
import shutil

import pandas as pd
import pytest
from analysis_cases import GRID, SCORES, write_cell
from matplotlib.image import imread

from analysis.tuning.__main__ import Arguments, main
from analysis.tuning.shared import worth
from experiments.records import read_manifest

# score of a rule on an environment without a change, and what each change adds there
WITHOUT = {("trpo", "Easy-v0"): 0.5, ("npg", "Easy-v0"): 0.3, ("trpo", "Hard-v0"): 0.4, ("npg", "Hard-v0"): 0.2}
CHANGES = {
    "gamma=0.98": {
        ("trpo", "Easy-v0"): 0.1,
        ("npg", "Easy-v0"): 0.3,
        ("trpo", "Hard-v0"): 0.2,
        ("npg", "Hard-v0"): 0.0,
    },
    "batch_size=1024": {("trpo", "Hard-v0"): -0.1, ("npg", "Hard-v0"): -0.2},  # Easy-v0 sets its own
}
SEEDS = [100, 101]


@pytest.fixture
def swept(tmp_path):
    """Constant curves; a seed's own height is in all of its runs, and no difference shows it."""
    cells = []
    for change in ["", *CHANGES]:
        for (rule, env), base in WITHOUT.items():
            if change and (rule, env) not in CHANGES[change]:
                continue
            low, high = SCORES[env]
            for seed in SEEDS:
                z = base + (CHANGES[change][rule, env] if change else 0) + (seed - 100) / 10
                label = f"{rule}({change})" if change else rule
                cells.append(write_cell(tmp_path, env, label, seed, returns=[low + z * (high - low)] * len(GRID)))
    sweep = {"gamma": [0.98], "batch_size": [1024]}
    head = {"matrix": "made", "scores": SCORES, "defaults": {}, "sweep": sweep, "cells": cells}
    (tmp_path / "manifest.json").write_text(json.dumps(head))
    return tmp_path


def test_what_every_change_is_worth(swept, capsys):
    assert main(Arguments(swept)) == 0
    table = pd.read_csv(swept / "tables" / "shared.csv").set_index("setting")
    gamma, batch = table.loc["gamma"], table.loc["batch_size"]
    assert gamma.difference == pytest.approx(0.15) and batch.difference == pytest.approx(-0.15)
    assert (gamma.environments, gamma.runs, gamma.rules_gaining) == (2, 8, 2)
    assert (batch.environments, batch.runs, batch.rules_gaining) == (1, 4, 0)
    assert gamma.highest == pytest.approx(0.2) and gamma.highest_env == "Easy-v0" and gamma.lowest_env == "Hard-v0"
    effects = pd.read_csv(swept / "tables" / "shared_effects.csv")
    assert effects.n.eq(2).all() and len(effects) == 6
    printed = capsys.readouterr().out
    assert "gamma = 0.98 | 0.15" in printed and (swept / "shared.md").read_text() in printed
    assert imread(swept / "figures" / "shared.png").std() > 0.01


def cell_of(cell):
    return cell["label"], cell["env"], cell["seed"]


def test_a_pair_with_a_run_missing_does_not_count(swept):
    (missing,) = [cell["run_id"] for cell in read_manifest(swept).cells if cell_of(cell) == ("trpo", "Hard-v0", 101)]
    shutil.rmtree(swept / "cells" / missing)
    assert main(Arguments(swept)) == 0
    effects = pd.read_csv(swept / "tables" / "shared_effects.csv").set_index(["setting", "rule", "env"])
    assert effects.loc[("gamma", "trpo", "Hard-v0")].n == 1
    assert effects.loc[("gamma", "trpo", "Hard-v0")].difference == pytest.approx(0.2)


def test_with_too_few_environments_nothing_is_decided_and_with_enough_it_is():
    def made(differences):
        rows = [("gamma", "0.98", "trpo", f"Env-v{e}", 0.5, d, 2) for e, d in enumerate(differences)]
        return pd.DataFrame(rows, columns=["setting", "value", "rule", "env", "without", "difference", "n"])

    assert worth(made([0.1, 0.1])).verdict[0] == "undecided"
    assert worth(made([0.1, 0.11, 0.09])).verdict[0] == "better"
    assert worth(made([-0.1, -0.11, -0.09])).verdict[0] == "worse"
    assert worth(made([0.1, -0.1, 0.2])).verdict[0] == "undecided"
