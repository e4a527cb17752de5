"""The profile's parts add up to its whole, and its command refuses what it cannot profile."""

import pytest

from experiments.profile_cell import Arguments, main, profile, spec_for


def small(rule="trpo", env="CartPole-v1", **changes):
    return Arguments(rule, env, **{"updates": 2, "batch_size": 64, "n_envs": 4} | changes)


@pytest.mark.parametrize("env", ["CartPole-v1", "HalfCheetah-v5"])
def test_phases_add_up_and_the_environments_are_part_of_the_rollout(env):
    found = profile(spec_for(small(env=env)), updates=2, calibration_steps=50)
    assert sum(found.seconds.values()) == pytest.approx(found.total)
    assert 0 < found.stepping < found.seconds["rollout_s"] < found.total
    assert all(seconds >= 0 for seconds in found.seconds.values())
    assert found.ratio > 0 and found.simulator_steps_per_s > 0


def test_the_table_names_every_phase(capsys):
    assert main(small()) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("rollout", "environments", "critic", "update", "of the simulator alone"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (small(rule="trop"), "trop is no rule; expected one of vanilla_pg"),
        (small(env="CartPole-v9"), "CartPole-v9 is no environment"),
        (small(batch_size=63), "not a multiple of n_envs"),
        (small(updates=0), "--updates must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_profiled_is_refused(wrong, message, capsys):
    assert main(wrong) == 2
    assert message in capsys.readouterr().err
