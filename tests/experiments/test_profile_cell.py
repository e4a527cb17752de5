"""The profile's parts add up to its whole, and its command refuses what it cannot profile."""

import pytest

from experiments.profile_cell import Arguments, main, profile, spec_for


def small(rule="trpo", env="CartPole-v1", **changes):
    return Arguments(rule, env, **{"updates": 2, "batch_size": 64, "n_envs": 4} | changes)


@pytest.mark.parametrize("env", ["CartPole-v1", "HalfCheetah-v5"])
def test_phases_add_up(env):
    found = profile(spec_for(small(env=env)), updates=2, calibration_steps=50)
    assert sum(found.seconds.values()) == pytest.approx(found.total)
    assert 0 < found.seconds["rollout_s"] < found.total
    assert all(seconds >= 0 for seconds in found.seconds.values())
    assert found.ratio > 0 and found.simulator_steps_per_s > 0


def test_the_table_names_every_phase(capsys):
    assert main(small()) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("a rollout takes", "critic", "update", "of the simulator alone"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (small(rule="trop"), "trop is no rule; did you mean trpo?, or FILE.py:FUNCTION"),
        (small(env="CartPole-v9"), "CartPole-v9: unknown environment; did you mean CartPole"),
        (small(batch_size=63), "not a multiple of n_envs"),
        (small(updates=0), "--updates must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_profiled_is_refused(wrong, message, capsys):
    assert main(wrong) == 2
    assert message in capsys.readouterr().err


MINE = """
import gymnasium as gym

def mine(limit: int = 9):
    return gym.make("CartPole-v1", max_episode_steps=limit)
"""
MATRIX = """
[settings]
n_envs = 2
batch_size = 32
[environments."mine.py:mine"]
budget = 640
kwargs = { limit = 5 }
wrappers = [{ wrapper = "gymnasium.wrappers:FrameStackObservation", stack_size = 2 }]
[rules.careful]
rule = "trpo"
max_kl = 0.001
"""


def test_a_users_environment_is_profiled_by_its_name_or_as_a_matrix_has_it(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "mine.toml").write_text(MATRIX)
    monkeypatch.chdir(tmp_path)
    assert main(small(env="mine.py:mine")) == 0
    assert "trpo on mine.py:mine" in capsys.readouterr().out
    spec = spec_for(small("careful", "mine.py:mine", matrix="mine.toml", batch_size=None, n_envs=None))
    assert spec.environment == f"{tmp_path / 'mine.py'}:mine" and spec.env_kwargs == {"limit": 5} and spec.wrappers
    assert (spec.hyper["max_kl"], spec.settings.batch_size, spec.budget) == (0.001, 32, 96)
    assert profile(spec, 1, 20).ratio > 0
    assert main(small("careless", "mine.py:mine", matrix="mine.toml")) == 2
    assert "mine.toml has no rule careless; did you mean careful?" in capsys.readouterr().err
