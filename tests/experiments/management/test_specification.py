"""A manifest that comes from anybody makes nothing run that the user has not named."""

import json

import pytest

from experiments.landscape.__main__ import Arguments, main
from experiments.management.inspect import NotFound, Planned
from experiments.management.specification import specification

RULE = """
from pathlib import Path
from algos.rules.npg import npg as rule
Path(__file__).with_name("it ran").touch()
"""


@pytest.fixture
def planned(make_spec):
    def plan(**changes):
        spec = make_spec()
        plan = {"run_id": spec.run_id, **spec.model_dump(mode="json"), **changes}
        return Planned(plan | {"environment": changes.get("environment", plan["env"])}, None, None, None, None)

    return plan


@pytest.fixture
def file(tmp_path):
    (tmp_path / "mine.py").write_text(RULE)
    return tmp_path / "mine.py"


def test_what_is_shipped_needs_no_word(planned, make_spec):
    assert specification(planned(), ()) == make_spec()


def test_a_rule_from_a_file_runs_only_if_it_is_named(planned, file, tmp_path):
    cell = planned(rule=f"{file}:rule")
    with pytest.raises(NotFound, match=f"a rule from the file {file}; if you trust it, say --allow other.py {file}"):
        specification(cell, ("other.py",))
    assert not (tmp_path / "it ran").exists()
    assert specification(cell, (str(file),)).rule == f"{file}:rule"


def test_a_file_is_looked_for_where_the_user_says(planned, file):
    assert specification(planned(rule="/elsewhere/mine.py:rule"), (str(file),)).rule == f"{file}:rule"


def test_so_does_an_environment_of_a_module(planned):
    cell = planned(env="its_module:Env-v0")
    with pytest.raises(NotFound, match="of the module its_module; if you trust it, say --allow its_module"):
        specification(cell, ())
    assert specification(cell, ("its_module",)).env == "its_module:Env-v0"


def test_so_do_an_environment_and_wrappers_of_files(planned, file):
    cell = planned(
        env="walk",
        environment="/elsewhere/walk.py:Walk",
        wrappers=[["gymnasium.wrappers:ClipReward", {}], [f"{file}:wrap", {"times": 2}], ["its_module:Wrap", {}]],
    )
    walk = file.with_name("walk.py")
    for allowed, message in (
        ((), "an environment from the file /elsewhere/walk.py; if you trust it, say --allow /elsewhere/walk.py"),
        ((str(walk),), f"a wrapper from the file {file}; if you trust it, say --allow {walk} {file}"),
        (
            (str(walk), str(file)),
            f"a wrapper of the module its_module; if you trust it, say --allow {walk} {file} its_module",
        ),
    ):
        with pytest.raises(NotFound, match=message):
            specification(cell, allowed)
    found = specification(cell, (str(walk), str(file), "its_module"))
    assert (found.env, found.environment) == ("walk", f"{walk}:Walk")
    assert [name for name, _ in found.wrappers] == [
        "gymnasium.wrappers:ClipReward", f"{file}:wrap", "its_module:Wrap",
    ]  # fmt: skip


def test_a_plan_from_before_environments_had_a_source_is_the_same_cell(planned, make_spec):
    cell = planned()
    for name in ("environment", "wrappers"):
        del cell.plan[name]
    assert specification(cell, ()) == make_spec()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rule": "unheard_of"}, "has a rule that is none here"),
        ({"seed": "x"}, "seed: Input should be a valid integer"),
    ],
)
def test_a_plan_that_is_none_is_refused_in_a_line(planned, change, message):
    with pytest.raises(NotFound, match=message):
        specification(planned(**change), ())


def test_the_landscape_of_a_cell_runs_no_file_of_the_manifest(planned, file, tmp_path, capsys):
    plan = planned(rule=f"{file}:rule").plan
    (tmp_path / "manifest.json").write_text(json.dumps({"matrix": "m", "scores": {}, "cells": [plan]}))
    assert main(Arguments(tmp_path, plan["run_id"], at_steps=0)) == 2
    assert "--allow" in capsys.readouterr().err and not (tmp_path / "it ran").exists()
