"""Rules of installed packages."""

from importlib.metadata import version

import pytest

from algos.rules import RULES
from experiments import MatrixError, build_matrix, run
from experiments.identity import code_of
from experiments.installed import installed_rules, rule_names

TABLES = {
    "seeds": 1,
    "settings": {"n_envs": 4, "batch_size": 64, "hidden": (8, 8), "evaluations": 2, "eval_episodes": 2},
    "environments": {"CartPole-v1": {"budget": 192}},
}
CODE = """
from algos.rules import RULES


def far_pg(policy, *, lr: float = 0.5):
    return RULES["npg"](policy, lr=lr)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that names rules, as pip leaves it."""
    there = tmp_path / "site-packages"
    info = there / "far_rules-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: far-rules\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(
        "[policy_ascent.rules]\nfar_pg = far_rules:far_pg\ntrpo = far_rules:far_pg\nbroken_pg = far_rules:nothing\n"
    )
    (info / "top_level.txt").write_text("far_rules\n")
    (there / "far_rules.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(there))
    return there


def test_a_rule_of_an_installed_package_runs_under_its_name(package, tmp_path):
    assert version("far-rules") == "1.2" and rule_names() == (*RULES, "broken_pg", "far_pg")
    matrix = build_matrix(TABLES | {"rules": {"far_pg": {"lr": [0.1, 0.2]}}})
    assert [cell.rule for cell in matrix.cells] == ["far_pg", "far_pg"]
    folder = run(matrix, tmp_path / "r", jobs=1, quiet=True)
    from analysis import load_results

    assert set(load_results(folder).runs.status) == {"ok"}


def test_its_version_is_part_of_what_a_run_was_made_by(package):
    cell = build_matrix(TABLES | {"rules": {"far_pg": {}}}).cells[0]
    assert any(name == "far_rules (package)" for name, _ in code_of(cell).files)


def test_none_takes_the_place_of_ours_and_a_broken_one_is_named(package):
    assert installed_rules().keys() == {"far_pg", "broken_pg"}
    with pytest.raises(MatrixError, match=r"\.broken_pg\.rule: broken_pg \(far_rules:nothing\) cannot be imported"):
        build_matrix(TABLES | {"rules": {"broken_pg": {}}})
    with pytest.raises(MatrixError, match=r"unknown rule fra_pg; did you mean far_pg\?"):
        build_matrix(TABLES | {"rules": {"fra_pg": {}}})
