"""A run's code is what it depends on, as it was loaded: no more and no less."""

import shutil
from dataclasses import replace

import pytest

from algos.rules import RULES
from experiments import identity, loaded
from experiments.cell.train import train
from experiments.identity import OtherCode, code_of, code_of_parts, columns_of, require_code
from experiments.records import mixed_code

RULE = """
from dataclasses import dataclass
from typing import Any
from algos.rules.vanilla_pg import vanilla_pg
from helper import LR

def rule(policy, *, lr: float = LR):
    return vanilla_pg(policy, lr=lr)
"""
ENVIRONMENT = """
import gymnasium as gym
from fake_environments import Counting
from its_reward import REWARD

class Mine(Counting):
    def step(self, action):
        obs, _, terminated, truncated, info = super().step(action)
        return obs, REWARD, terminated, truncated, info

gym.register("Mine-v0", entry_point=Mine)
"""


def test_it_holds_the_rule_and_the_pipeline_and_no_other_rule():
    names = dict(code_of_parts("trpo", "CartPole-v1", {}).files)
    assert {"algos/rules/trpo.py", "algos/ascent/rule.py", "experiments/cell/run.py", "experiments/spec.py"} <= set(
        names
    )
    assert not set(names) & {"algos/rules/__init__.py", "algos/rules/ppo.py", "experiments/store.py"}
    assert not {name for name in names if name.startswith(("experiments/records", "experiments/engines", "analysis"))}


@pytest.fixture
def edited(monkeypatch):
    """Makes this process believe that it has loaded another text of a file of the project."""

    def edit(path, change):
        file = str(identity.find(path).file)
        monkeypatch.setitem(loaded.SOURCES, file, change(loaded.source_of(file)))

    return edit


def digests():
    return {rule: code_of_parts(rule, "CartPole-v1", {}).digest for rule in RULES}


def test_editing_one_rule_says_nothing_about_the_others(edited):
    before = digests()
    edited("algos.rules.per_step_pg", lambda text: text + b"\nMORE = 1\n")
    assert {rule for rule, digest in digests().items() if digest != before[rule]} == {"per_step_pg"}


def test_but_something_about_those_that_stand_on_it(edited):
    before = digests()
    edited("algos.rules.ppo", lambda text: text + b"\nMORE = 1\n")
    changed = {rule for rule, digest in digests().items() if digest != before[rule]}
    assert changed == {"ppo", "ppo_kl_stop", "ppo_penalty", "spo"}


def test_adding_a_rule_says_nothing_about_any(edited, monkeypatch):
    before = digests()
    edited("algos.rules", lambda text: text + b"\nfrom algos.rules.new import new\nRULES['new'] = new\n")
    monkeypatch.setitem(RULES, "new", RULES["ppo"])
    assert {rule: digest for rule, digest in digests().items() if rule != "new"} == before


def test_editing_the_pipeline_says_something_about_all(edited):
    before = digests()
    edited("experiments.cell.rollout", lambda text: text + b"\nMORE = 1\n")
    assert all(digest != before[rule] for rule, digest in digests().items())


def test_comments_docstrings_and_layout_mean_nothing(edited):
    before = digests()
    edited("experiments.cell.rollout", lambda text: b'"""Other words."""\n# more\n' + text.split(b'"""', 2)[2])
    assert digests() == before


@pytest.fixture
def mine(tmp_path, fakes, monkeypatch):
    """A folder with a rule and an environment of the user's, each with a module that it imports."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "rule.py").write_text(RULE)
    (folder / "helper.py").write_text("LR = 0.1\n")
    (folder / "environment.py").write_text(ENVIRONMENT)
    (folder / "its_reward.py").write_text("REWARD = 1.0\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(loaded, "SOURCES", dict(loaded.SOURCES))
    return folder


def code_in(folder, kwargs=None):
    return code_of_parts(f"{folder / 'rule.py'}:rule", "environment:Mine-v0", kwargs or {})


def test_the_users_modules_are_part_of_it_with_what_they_import(mine):
    names = dict(code_in(mine).files)
    assert {"rule.py", "helper.py", "environment.py", "its_reward.py", "fake_environments.py"} <= set(names)


@pytest.mark.parametrize("name", ["rule", "helper", "environment", "its_reward"])
def test_editing_any_of_them_is_other_code(mine, monkeypatch, name):
    before = code_in(mine)
    (mine / f"{name}.py").write_text((mine / f"{name}.py").read_text() + "\nMORE = 1\n")
    assert code_in(mine).digest == before.digest, "what was asked once in a process stays"
    monkeypatch.setattr(loaded, "SOURCES", {})
    assert code_in(mine).digest != before.digest


def test_another_folder_is_the_same_code(mine, tmp_path, make_spec):
    before = code_in(mine)
    shutil.move(mine, tmp_path / "elsewhere" / "mine")
    assert code_of_parts(f"{tmp_path}/elsewhere/mine/rule.py:rule", "CartPole-v1", {}).files != ()
    here = dict(code_of_parts(f"{tmp_path}/elsewhere/mine/rule.py:rule", "CartPole-v1", {}).files)
    assert {name: here[name] for name in ("rule.py", "helper.py")}.items() <= dict(before.files).items()
    spec = make_spec()
    ids = {spec.model_copy(update={"rule": f"/{folder}/rule.py:rule"}).run_id for folder in ("a", "b/c")}
    assert len(ids) == 1


def test_a_file_that_an_environment_is_given_is_part_of_it(mine, tmp_path):
    (tmp_path / "hopper.xml").write_text("<mujoco/>")
    file = {"xml_file": str(tmp_path / "hopper.xml")}
    before = code_in(mine, file)
    (tmp_path / "hopper.xml").write_text("<mujoco model='heavy'/>")
    loaded.SOURCES.clear()
    assert code_in(mine, file) != before and code_in(mine, {"xml_file": "no such.xml"}) == code_in(mine)


def test_a_package_of_others_is_part_of_it_by_its_version(mine):
    (mine / "its_reward.py").write_text("import pandas\nREWARD = 1.0\n")
    assert dict(code_in(mine).files)["pandas (package)"].startswith("3.")


def test_a_process_with_other_code_refuses_before_the_first_row(make_spec):
    spec = make_spec()
    require_code(spec.model_copy(update={"code": code_of(spec).digest}))
    with pytest.raises(OtherCode, match="code older is to compute it, this process has"):
        next(train(spec.model_copy(update={"code": "older"})))


def test_an_environment_that_was_edited_before_it_was_imported_is_refused(mine, make_spec, monkeypatch):
    """The matrix was started, its process had told the code; then a cell's process imports the environment."""
    spec = make_spec("environment:Mine-v0")
    spec = spec.model_copy(update={"code": code_of(spec).digest})
    (mine / "its_reward.py").write_text("REWARD = 2.0\n")
    with pytest.raises(OtherCode):
        list(train(spec))


def test_the_name_of_a_cell_knows_every_value_and_not_the_code(make_spec):
    spec = make_spec()
    assert spec.model_copy(update={"code": "x"}).run_id == make_spec().run_id


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), float("nan"), 5e-324, -0.0, 0.1 + 0.2, 1.7e308, 2**70])
def test_a_float_reaches_a_cell_as_it_is_and_tells_its_name(make_spec, value):
    spec = make_spec(env_kwargs={"healthy_z_range": [0.7, value]})
    back = type(spec).model_validate_json(spec.model_dump_json())
    assert repr(back.env_kwargs) == repr(spec.env_kwargs) and back.run_id == spec.run_id
    assert spec.run_id != make_spec(env_kwargs={"healthy_z_range": [0.7, None]}).run_id


def test_code_is_mixed_where_two_runs_have_two_versions_of_one_file(make_spec):
    run = list(train(make_spec()))[-1]
    first, second = replace(run, code="a"), replace(run, code="b")
    assert mixed_code([first, second], {"a": {"f.py": "1", "g.py": "1"}, "b": {"f.py": "1", "h.py": "2"}}) == []
    assert mixed_code([first, second], {"a": {"f.py": "1"}, "b": {"f.py": "2"}}) == ["f.py"]
    assert mixed_code([first, second], {"a": {}}) == ["code of which no files are known (b)"]
    assert mixed_code([first, first], {}) == []
    assert mixed_code([first, replace(first, versions="{}")], {}) == ["python or its libraries"]


def test_the_columns_of_a_run_name_the_code(make_spec):
    assert columns_of(make_spec())["code"] == code_of(make_spec()).digest
    assert columns_of(make_spec().model_copy(update={"code": "told"}))["code"] == "told"
