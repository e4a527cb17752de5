"""An environment from a user's own file, and wrappers, in a matrix."""

import sys
from pathlib import Path

import pytest

from experiments import loaded
from experiments.arguments import Arguments
from experiments.cell.environments import environments_of
from experiments.cell.gym_environments import GymEnvironments
from experiments.cell.lean.environments import LeanEnvironments
from experiments.cell.train import train
from experiments.identity import code_of
from experiments.matrix_file import MatrixError, load_matrix
from experiments.records import RunRow
from experiments.run_matrix import main
from experiments.spec import RunSpec

ENVIRONMENT = """
import gymnasium as gym
import numpy as np
from walk_rewards import AT_GOAL

class Walk(gym.Env):
    observation_space = gym.spaces.Box(-10.0, 10.0, (1,), np.float64)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, goal: int = 3, render_mode=None):
        self.goal, self.render_mode = goal, render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = 0
        return np.array([0.0]), {}

    def step(self, action):
        self.at += 1 if action == 1 else -1
        won = self.at == self.goal
        return np.array([float(self.at)]), AT_GOAL if won else 0.0, won, abs(self.at) > 9, {}

def short(goal: int = 2):
    return gym.wrappers.TimeLimit(Walk(goal), 7)

def nothing():
    return 3
"""
WRAPPERS = """
import gymnasium as gym

class Doubled(gym.RewardWrapper):
    def __init__(self, env, times: float = 2.0):
        super().__init__(env)
        self.times = times

    def reward(self, reward):
        return self.times * reward

def both(env, sizes: tuple[int, int] = (1, 1)):
    assert isinstance(sizes, tuple)
    return Doubled(Doubled(env))

def lost(env):
    return None
"""
MATRIX = """
seeds = 1
[settings]
n_envs = 4
batch_size = 64
evaluations = 1
eval_episodes = 2
final_episodes = 2
hidden = [8]
[environments."walk.py:Walk"]
budget = 128
kwargs = { max_episode_steps = 30 }
[rules.trpo]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in (("walk", ENVIRONMENT), ("wraps", WRAPPERS), ("walk_rewards", "AT_GOAL = 1.0\n")):
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "mine.toml").write_text(MATRIX)
    monkeypatch.setattr(loaded, "BESIDE", [])
    yield tmp_path
    sys.modules.pop("walk_rewards", None)


def matrix_of(folder, text=MATRIX):
    (folder / "mine.toml").write_text(text)
    return load_matrix(str(folder / "mine.toml"))


def with_table(table):
    before, after = MATRIX.split('[environments."walk.py:Walk"]\nbudget = 128\nkwargs = { max_episode_steps = 30 }')
    return before + table + after


def test_a_class_of_a_file_runs_and_is_named_without_its_folder(folder, call):
    done = call(main, Arguments, folder / "mine.toml", "--out", folder / "out", "--no-report")
    assert done.returncode == 0, done.stdout + done.stderr
    (cell,) = matrix_of(folder).cells
    assert cell.env == "walk.py:Walk" and cell.environment == f"{folder / 'walk.py'}:Walk"
    assert (folder / "out" / "cells" / cell.run_id / "record.json").is_file()


def test_an_id_of_a_module_beside_the_matrix_is_one_of_that_file(folder, call):
    register = 'gym.register("lab/Walk-v0", entry_point="walks:Walk", max_episode_steps=9)'
    (folder / "walks.py").write_text(f"{ENVIRONMENT}\n{register}\n")
    for name in ("walks:lab/Walk-v0", "walks.py:lab/Walk-v0"):
        table = f'[environments."{name}"]\nbudget = 128'
        (cell,) = matrix_of(folder, with_table(table)).cells
        assert cell.env == name and cell.environment == f"{folder / 'walks.py'}:lab/Walk-v0"
        assert {"walks.py", "walk_rewards.py"} <= {name for name, _ in code_of(cell).files}
        done = call(main, Arguments, folder / "mine.toml", "--out", folder / name[:6], "--no-report")
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_code_of_the_environment_runs_in_this_process(folder, monkeypatch):
    (folder / "walk.py").write_text(ENVIRONMENT + "\nimport os\nos.environ['WALKED'] = '1'\n")
    matrix_of(folder, MATRIX)
    import os

    assert "WALKED" not in os.environ and "walk_rewards" not in sys.modules


def test_a_function_of_a_file_may_return_it_wrapped(folder):
    table = '[environments.short]\nenvironment = "walk.py:short"\nkwargs = { goal = 5 }\nbudget = 128'
    (cell,) = matrix_of(folder, with_table(table)).cells
    assert cell.env == "short" and cell.environment == f"{folder / 'walk.py'}:short"
    environments = environments_of(cell, 1)
    assert environments.time_limit == 7 and environments.made[0].unwrapped.goal == 5


def test_wrappers_are_put_on_in_their_order_with_their_arguments(folder):
    table = """[environments.CartPole-v1]
budget = 128
wrappers = [
  { wrapper = "wraps.py:Doubled", times = 5.0 },
  "gymnasium.wrappers:TimeAwareObservation",
  { wrapper = "gymnasium.wrappers:FrameStackObservation", stack_size = 3 },
  { wrapper = "wraps.py:both", sizes = [3, 4] },
]"""
    (cell,) = matrix_of(folder, with_table(table)).cells
    environments = environments_of(cell, 2)
    assert type(environments) is GymEnvironments and environments.observations.size == 3 * 5
    environments.reset(0, 1)
    _, rewards, *_ = environments.step([0], [0])
    assert rewards == [5.0 * 2 * 2]
    names, env = [], environments.made[0]
    while env is not env.unwrapped:
        names.append(type(env).__name__)
        env = env.env
    order = ["Doubled", "Doubled", "FrameStackObservation", "TimeAwareObservation", "Doubled"]
    assert [name for name in names if name in order] == order


def test_an_environment_is_stepped_lean_only_without_wrappers(folder):
    plain = matrix_of(folder, with_table("[environments.CartPole-v1]\nbudget = 128")).cells[0]
    wrapped = 'wrappers = [{ wrapper = "gymnasium.wrappers:TimeLimit", max_episode_steps = 30 }]'
    table = f"[environments.CartPole-v1]\nbudget = 128\nkwargs = {{ max_episode_steps = -1 }}\n{wrapped}"
    inside = matrix_of(folder, with_table(table)).cells[0]
    assert isinstance(environments_of(plain, 1), LeanEnvironments)
    assert type(environments_of(inside, 1)) is GymEnvironments and environments_of(inside, 1).time_limit == 30


def test_one_environment_can_stand_in_a_matrix_with_and_without(folder):
    table = """[environments.CartPole-v1]
budget = 128
[environments.stacked]
environment = "CartPole-v1"
budget = 128
wrappers = [{ wrapper = "gymnasium.wrappers:FrameStackObservation", stack_size = 2 }]"""
    cells = {cell.env: cell for cell in matrix_of(folder, with_table(table)).cells}
    assert set(cells) == {"CartPole-v1", "stacked"} and cells["stacked"].environment == "CartPole-v1"
    assert cells["stacked"].wrappers == (("gymnasium.wrappers:FrameStackObservation", {"stack_size": 2}),)


def test_the_name_of_a_cell_knows_wrappers_and_source_but_no_folder(folder, tmp_path, make_spec):
    spec = make_spec("walk.py:Walk")

    def run_id(**changes):
        return RunSpec(**{name: getattr(spec, name) for name in RunSpec.model_fields} | changes).run_id

    here = run_id(environment="/a/walk.py:Walk", wrappers=[("/a/wraps.py:Doubled", {"times": 3.0})])
    assert here == run_id(environment="/b/c/walk.py:Walk", wrappers=[("/d/wraps.py:Doubled", {"times": 3.0})])
    others = [
        run_id(environment="/a/walk.py:Walk"),
        run_id(environment="/a/walk.py:Other", wrappers=[("/a/wraps.py:Doubled", {"times": 3.0})]),
        run_id(environment="/a/walk.py:Walk", wrappers=[("/a/wraps.py:Doubled", {"times": 4.0})]),
        run_id(environment="/a/walk.py:Walk", wrappers=[("/a/wraps.py:both", {"times": 3.0})]),
        here,
    ]
    assert len(set(others)) == 5 and others[0] == spec.run_id


def test_a_specification_that_went_through_json_is_the_same_cell(folder):
    table = '[environments."walk.py:Walk"]\nbudget = 128\nwrappers = [{ wrapper = "wraps.py:both", sizes = [1, 2] }]'
    (cell,) = matrix_of(folder, with_table(table)).cells
    assert RunSpec.model_validate_json(cell.model_dump_json()) == cell


@pytest.mark.parametrize("name", ["walk", "walk_rewards", "wraps"])
def test_editing_any_of_its_files_is_other_code(folder, monkeypatch, name):
    table = '[environments."walk.py:Walk"]\nbudget = 128\nwrappers = ["wraps.py:Doubled"]'
    (cell,) = matrix_of(folder, with_table(table)).cells
    assert {"walk.py", "wraps.py", "walk_rewards.py"} <= set(dict(code_of(cell).files))
    (folder / f"{name}.py").write_text((folder / f"{name}.py").read_text() + "\nMORE = 1\n")
    monkeypatch.setattr(loaded, "SOURCES", {})
    again = code_of(cell)
    assert (
        again.digest != cell.code
        and dict(again.files)[f"{name}.py"] != dict(code_of(cell).files)["experiments/spec.py"]
    )


def test_a_cell_in_this_process_ends_ok(folder):
    (cell,) = matrix_of(folder).cells
    last = list(train(cell))[-1]
    assert isinstance(last, RunRow) and last.status == "ok" and last.env == "walk.py:Walk"


WALK, STACK = '[environments."walk.py:Walk"]\nbudget = 128\n', "[environments.CartPole-v1]\nbudget = 128\nwrappers = "
WRONG = {
    "no such file": (WALK.replace("walk", "walks"), "walks.py cannot be imported: FileNotFoundError"),
    "no such class": (WALK.replace("Walk", "Walks"), "walk.py has no class or function Walks"),
    "no environment": (
        WALK.replace("Walk", "nothing"),
        "must inherit from the gymnasium.Env class, actual class: <class",
    ),
    "a wrong argument": (WALK + "kwargs = { aim = 3 }", "unexpected keyword argument 'aim'"),
    "arguments that are none": (WALK + "kwargs = 3", "kwargs: expected a table, got 3"),
    "no such module": (WALK.replace("walk.py:Walk", "walks:Walk-v0"), "cannot be made .*: ModuleNotFoundError"),
    "no such name": (WALK.replace("walk.py:Walk", "walk"), "unknown environment; .* or FILE.py:CLASS"),
    "no text": (WALK + "environment = 3", "environment: expected a name that gymnasium has registered, .* got 3"),
    "gymnasium's name": (
        WALK.replace("walk.py:Walk", "CartPole-v1") + "environment = 'walk.py:Walk'",
        "the name of gymn",
    ),
    "wrappers that are no list": (STACK + "3", "CartPole-v1.wrappers: expected a list, got 3"),
    "a wrapper that is no name": (STACK + "[3]", r'wrappers\[0\]: expected "MODULE:NAME" or .* got 3'),
    "a wrapper without a name": (STACK + "[{ size = 3 }]", r"wrappers\[0\]: expected .MODULE:NAME"),
    "a dotted wrapper": (STACK + "['gymnasium.wrappers.ClipReward']", "did you mean gymnasium.wrappers:ClipReward"),
    "an unknown wrapper": (STACK + "['gymnasium.wrappers:Clip']", "gymnasium.wrappers has no class or function Clip"),
    "its wrong argument": (
        STACK + "[{ wrapper = 'wraps.py:Doubled', by = 2 }]",
        "TypeError: wrapper wraps.py:Doubled: ",
    ),
    "it returns nothing": (STACK + "['wraps.py:lost']", "wraps.py:lost returned a NoneType; expected a gymnasium.Env"),
    "statistics of its own": (STACK + "['gymnasium.wrappers:NormalizeObservation']", "set normalize_obs = true"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_it_is_said_before_anything_runs(folder, case):
    table, message = WRONG[case]
    with pytest.raises(MatrixError, match=message) as caught:
        matrix_of(folder, with_table(table))
    assert len(caught.value.problems) == 1, caught.value


def test_two_files_of_one_name_are_refused(folder):
    (folder / "other").mkdir()
    for name in ("walk.py", "walk_rewards.py"):
        (folder / "other" / name).write_text((folder / name).read_text())
    table = '[environments."walk.py:Walk"]\nbudget = 128\n[environments."other/walk.py:Walk"]\nbudget = 128'
    with pytest.raises(MatrixError, match=r"another table has the name walk.py:Walk; write \[environments.NAME\]"):
        matrix_of(folder, with_table(table))
    with pytest.raises(MatrixError, match=r"would both be imported as walk(_rewards)?; rename one"):
        matrix_of(
            folder, with_table(table.replace('"other/walk.py:Walk"]', 'other]\nenvironment = "other/walk.py:Walk"'))
        )


README = (Path(__file__).parents[2] / "experiments" / "README.md").read_text(encoding="utf-8")


def test_the_readmes_example_is_a_matrix_file(folder, monkeypatch):
    example = README.split("## Environments of your own\n\n```toml\n")[1].split("```")[0]
    body = ENVIRONMENT.replace("Walk", "Maze").replace("goal", "size")
    (folder / "maze.py").write_text(body)
    (folder / "my_package.py").write_text(body + "\ngym.register('Maze-v0', entry_point=Maze)\n")
    (folder / "my_wrappers.py").write_text(WRAPPERS.replace("Doubled", "Delayed").replace("times", "steps"))
    monkeypatch.syspath_prepend(str(folder))
    cells = {cell.env: cell for cell in matrix_of(folder, f"seeds = 1\n{example}\n[rules.trpo]\n").cells}
    assert list(cells) == ["maze.py:Maze", "my_package:Maze-v0", "stacked"]
    assert cells["maze.py:Maze"].info == ("success",) and len(cells["stacked"].wrappers) == 3
    assert environments_of(cells["maze.py:Maze"], 1).time_limit == 200
