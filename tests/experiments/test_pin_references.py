import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

from experiments import pin_references as script


@pytest.fixture
def file(tmp_path, monkeypatch):
    kept = tmp_path / "references.csv"
    monkeypatch.setattr(script, "REFERENCES", kept)
    script.write(kept, [])
    return kept


def pin(*environments, seeds=10):
    return script.main(script.Arguments(environments, seeds=seeds))


def test_a_new_environment_gets_three_lines_and_the_same_seeds_the_same_numbers(file):
    assert pin("CartPole-v1") == 0
    first = file.read_text()
    table = pd.read_csv(file).set_index("anchor")
    assert list(table.index) == ["random", "fixed", "reference"] and set(table.env) == {"CartPole-v1"}
    assert (table.n == 10).all() and (table.limit == 500).all() and (table.kind == "measured").all()
    assert table.loc["random"].low < table.loc["random", "mean"] < table.loc["random"].high
    assert table.loc["random", "mean"] == pytest.approx(
        script.returns_of(*script.tasks_of("CartPole-v1"), 10).mean(), abs=1e-3
    )
    assert table.loc["reference", "mean"] == 500 and table.loc["fixed", "mean"] < 15
    assert set(table.source) == {"experiments/pin_references.py; seeds 100-109"}
    assert pin() == 0 and file.read_text() == first


def test_a_published_reference_stays_as_it_is(file):
    published = script.Anchor(
        "Reacher-v5", "50", "yes", "reference", "PPO", "published", "-5", "4", "", "", "somewhere"
    )
    script.write(file, [published])
    assert pin(seeds=2) == 0
    anchors = script.read(file)
    assert [anchor.anchor for anchor in anchors] == ["random", "fixed", "reference"] and anchors[2] == published
    assert float(anchors[0].mean) < float(anchors[1].mean), "standing still beats random motion"


def test_the_best_fixed_action_of_all_is_taken(file):
    """CliffWalking: whoever keeps walking into a wall loses one a step, and every other way leads over the cliff."""
    short, long = script.tasks_of("CliffWalking-v1")
    line = script.fixed_action(short, 3)
    assert (
        float(line.mean) == -200 and line.n == str(3 * script.REPEATS) and (line.limit, long.limit) == ("200", 10_000)
    )


@pytest.mark.parametrize(("names", "seeds"), [(("Mars-v0",), 5), (("CartPole-v1",), 1), (("CartPole-v1",), 101)])
def test_bad_input_is_refused_and_the_file_kept(file, names, seeds):
    before = file.read_text()
    assert pin(*names, seeds=seeds) == 2
    assert file.read_text() == before


def test_every_episode_ends_whatever_an_environment_is_registered_with(monkeypatch):
    class Endless(gym.Env):
        observation_space = action_space = gym.spaces.Discrete(1)
        steps = 0

        def reset(self, *, seed=None, options=None):
            return 0, {}

        def step(self, action):
            self.steps += 1
            assert self.steps <= 14, "it went on"
            return 0, 1.0, False, False, {}

    monkeypatch.setattr("gymnasium.envs.registration.registry", dict(gym.registry))
    gym.register("NeverEnding-v0", entry_point=Endless, max_episode_steps=-1)
    assert script.tasks_of("NeverEnding-v0") == [script.Task("NeverEnding-v0", 10_000, False)]
    monkeypatch.setattr(script.Task, "make", lambda self: Endless())
    assert script.returns_of(script.Task("NeverEnding-v0", 7, False), 2).tolist() == [7, 7]


def test_seeds_are_those_of_tuning():
    assert (script.SEEDS.start, script.SEEDS.stop) == (100, 200)
    (task,) = script.tasks_of("CartPole-v1")
    first, second = script.returns_of(task, 5), script.returns_of(task, 6)
    np.testing.assert_array_equal(first, second[:5])


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (Discrete(2, start=3), [3, 4]),
        (MultiDiscrete([2, 3], start=[1, 0]), [[1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2]]),
        (MultiDiscrete([9, 9], start=[1, 0]), [[1, 0]]),
        (MultiBinary(2), [[0, 0], [0, 1], [1, 0], [1, 1]]),
        (Box(50, 100, (2,)), [[75, 75]]),
        (Box(np.array([-np.inf, 3], np.float32), np.array([np.inf, np.inf], np.float32)), [[0, 3]]),
    ],
    ids=str,
)
def test_what_may_be_done_always_belongs_to_the_space(space, expected):
    actions = list(script.fixed_actions(space).values())
    assert np.array_equal(actions, expected) and all(map(space.contains, actions))


MATRIX = """
[settings]
n_envs = 4
batch_size = 64
evaluations = 1
[environments.CartPole-v1]
budget = 128
wrappers = [{ wrapper = "gymnasium.wrappers:ClipReward", max_reward = 0.5 }]
[environments."mine.py:mine"]
budget = 128
[rules.trpo]
"""


@pytest.fixture
def matrix(tmp_path, file):
    (tmp_path / "mine.py").write_text(
        "import gymnasium as gym\n\ndef mine():\n    return gym.make('CartPole-v1', max_episode_steps=5)\n"
    )
    (tmp_path / "mine.toml").write_text(MATRIX)
    return str(tmp_path / "mine.toml")


def test_environments_of_a_matrix_are_measured_as_it_makes_them_and_not_pinned(matrix, file, capsys):
    before = file.read_text()
    assert script.main(script.Arguments((), matrix, seeds=3)) == 0
    first, score, second, other = capsys.readouterr().out.splitlines()
    assert first.startswith('[environments."CartPole-v1"]  # 500 steps, 3 episodes: random actions ')
    plain = script.returns_of(script.tasks_of("CartPole-v1")[0], 3).mean()
    assert float(score.split("[")[1].split(",")[0]) == pytest.approx(plain / 2, abs=1e-3), "rewards of a half each"
    assert second.startswith('[environments."mine.py:mine"]  # 5 steps,') and "score = [5.000, REFERENCE]" in other
    assert file.read_text() == before


def test_one_of_them_can_be_named_and_must_be_there(matrix, capsys):
    assert script.main(script.Arguments(("mine.py:mine",), matrix, seeds=2)) == 0
    assert "CartPole" not in capsys.readouterr().out
    assert script.main(script.Arguments(("mine.py:yours",), matrix, seeds=2)) == 2
    assert "has no environment mine.py:yours; did you mean mine.py:mine?" in capsys.readouterr().err
    assert script.main(script.Arguments((), matrix + "l", seeds=2)) == 2
    assert "no such matrix" in capsys.readouterr().err
