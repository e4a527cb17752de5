"""Rules, networks, environments, measures and figures of installed packages."""

from functools import partial
from importlib.metadata import version

import pytest

from algos.rules import RULES
from experiments import MatrixError, build_matrix, run
from experiments.catalogue import Command
from experiments.catalogue import main as catalogue
from experiments.cell.probe import Prober
from experiments.factories import rule_names
from experiments.identity import code_of
from experiments.installed import KINDS, installed
from experiments.management.doctor import examine

TABLES = {
    "seeds": 1,
    "settings": {"n_envs": 4, "batch_size": 64, "hidden": (8, 8), "evaluations": 2, "eval_episodes": 2},
    "environments": {"CartPole-v1": {"budget": 192}},
    "rules": {"npg": {}},
}
POINTS = """
[policy_ascent.rules]
far_pg = far_things:far_pg
trpo = far_things:far_pg
broken_pg = far_things:nothing
[policy_ascent.networks]
wide = far_things:wide
mlp = far_things:nothing
broken_net = far_things:nothing
[policy_ascent.environments]
FarPole = far_things:FarPole
CartPole-v1 = far_things:nothing
broken-env = far_things:nothing
[policy_ascent.measures]
longest = far_things:longest_update
[policy_ascent.figures]
kl_lines = far_things:kl_lines
"""
CODE = """
from math import prod

from gymnasium.envs.classic_control import CartPoleEnv


def far_pg(policy, *, lr: float = 0.5):
    from algos.rules import RULES

    return RULES["npg"](policy, lr=lr)


def wide(obs_shape, outputs):
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(prod(obs_shape), 20), nn.Tanh(), nn.Linear(20, outputs))


class FarPole(CartPoleEnv):
    def __init__(self, push=5.0, render_mode=None):
        super().__init__(render_mode=render_mode)
        self.force_mag = push


def longest_update(results, *, better="lower"):
    return results.updates.groupby("run_id").step_norm.max()


def kl_lines(frame, ax, style, *, table="updates"):
    for label, part in frame.groupby("label"):
        ax.plot(part.env_steps, part.kl, label=label, **style[label].line)
    return ax
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that names things, as pip leaves it, for this process and for those that it starts."""
    there = tmp_path / "site-packages"
    info = there / "far_things-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: far-things\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(POINTS)
    (info / "top_level.txt").write_text("far_things\n")
    (there / "far_things.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(there))
    monkeypatch.setenv("PYTHONPATH", str(there))
    return there


def test_everything_of_an_installed_package_runs_under_its_name(package, tmp_path):
    assert version("far-things") == "1.2" and rule_names() == (*RULES, "broken_pg", "far_pg")
    matrix = build_matrix(
        TABLES
        | {
            "rules": {"far_pg": {"lr": [0.1, 0.2]}},
            "environments": {"FarPole": {"budget": 192, "kwargs": {"max_episode_steps": 50, "push": 7.0}}},
            "settings": TABLES["settings"] | {"network": "wide"},
            "measures": ["longest"],
            "figures": ["kl_lines"],
        }
    )
    assert [cell.rule for cell in matrix.cells] == ["far_pg", "far_pg"] and matrix.measures == ("longest",)
    folder = run(matrix, tmp_path / "r", jobs=1, quiet=True)
    from analysis import load_results
    from analysis.report import Arguments, main

    results = load_results(folder)
    assert set(results.runs.status) == {"ok"} and results.evaluations.length_mean.max() <= 50
    assert main(Arguments((folder,), measures=matrix.measures, figures=matrix.figures)) == 0
    assert "longest" in (folder / "tables" / "own_measures.csv").read_text()
    assert list((folder / "figures").glob("*kl_lines*.png"))


def test_the_network_and_the_environment_are_those_of_the_package(package):
    from experiments.cell.environments import make_environments
    from experiments.cell.run import Run

    spec = build_matrix(TABLES | {"settings": TABLES["settings"] | {"network": "wide"}}).cells[0]
    assert Run(spec).policy.network.size == 4 * 20 + 20 + 20 * 2 + 2
    made = make_environments("FarPole", {"push": 7.0}, 1)
    assert made.made[0].unwrapped.force_mag == 7.0
    made.close()


@pytest.mark.parametrize(
    "named",
    [
        {"rules": {"far_pg": {}}},
        {"settings": TABLES["settings"] | {"network": "wide"}},
        {"environments": {"FarPole": {"budget": 192, "kwargs": {"max_episode_steps": 50}}}},
    ],
    ids=["rule", "network", "environment"],
)
def test_its_version_is_part_of_what_a_run_was_made_by(package, named):
    assert ("far_things (package)", "1.2") in code_of(build_matrix(TABLES | named).cells[0]).files
    assert not any("far_things" in name for name, _ in code_of(build_matrix(TABLES).cells[0]).files)


def test_none_takes_the_place_of_ours(package):
    cell = build_matrix(TABLES | {"rules": {"trpo": {}}}).cells[0]
    assert not any("far_things" in name for name, _ in code_of(cell).files)
    assert cell.settings.network == "mlp"
    with Prober() as prober:
        assert prober.ask("CartPole-v1", {})  # and so none of far_things:nothing


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"rules": {"broken_pg": {}}}, r"\.broken_pg\.rule: broken_pg \(far_things:nothing\) cannot be imported"),
        ({"rules": {"fra_pg": {}}}, r"unknown rule fra_pg; did you mean far_pg\?"),
        ({"settings": {"network": "broken_net"}}, r"broken_net \(far_things:nothing\) cannot be imported"),
        ({"settings": {"network": "wid"}}, r"expected one of mlp, cnn, nature_cnn, broken_net, wide, or FILE"),
        ({"environments": {"broken-env": {"budget": 192}}}, r"broken-env \(far_things:nothing\) cannot be imported"),
        ({"environments": {"FarPoles": {"budget": 192}}}, r"unknown environment; did you mean FarPole\?"),
        ({"measures": ["longer"]}, r"measures: longer: expected FILE\.py:FUNCTION, or one of longest"),
    ],
)
def test_a_broken_or_unknown_one_is_named(package, named, said):
    with pytest.raises(MatrixError, match=said):
        build_matrix(TABLES | named)


def test_they_are_listed(package, call, tmp_path, capfd):
    tell = partial(call, catalogue, Command)
    rules = tell("rules").stdout
    assert "far_pg                  " in rules and "broken_pg (far_things:nothing) cannot be imported" in rules
    assert "FarPole" in tell("environments").stdout and "far_things:FarPole" in tell("environments", "--all").stdout
    assert "observations  Box" in tell("environments", "FarPole").stdout
    examine(tmp_path)
    told = capfd.readouterr().out
    assert all(f"  {kind} " in told for kind in KINDS) and "wide (far_things:wide)" in told
    assert {*installed("measures")} == {"longest"}
