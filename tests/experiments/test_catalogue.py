"""What there is to run, as a command tells it."""

from functools import partial

import pytest

from algos.rules import RULES
from experiments.catalogue import Command, anchors, main
from experiments.spec import hyper_parameters


@pytest.fixture
def tell(call):
    return partial(call, main, Command)


def test_every_rule_has_a_line_and_its_defaults(tell):
    lines = tell("rules").stdout.splitlines()
    at = {line.split()[0]: k for k, line in enumerate(lines) if line and not line.startswith(" ")}
    for name in RULES:
        defaults = ", ".join(f"{key}={p.default!r}" for key, p in hyper_parameters(name).items())
        assert len(lines[at[name]].split()) > 3 and lines[at[name] + 1].strip() == defaults


def test_one_rule_is_told_whole_with_sources(tell):
    told = tell("rules", "trpo").stdout
    assert "Schulman et al. 2015, equation 14" in told and "twice the paper's 0.01" in told
    assert "max_kl = 0.02; search from 0.002 to 0.2 (a decade" in told and "cg_iterations = 10" in told


def test_a_rule_in_a_file_is_told_like_ours(tell, tmp_path):
    (tmp_path / "mine.py").write_text('def mine(policy, *, lr: float = 0.5):\n    """Climbs. lr: by hand."""\n')
    told = tell("rules", f"{tmp_path}/mine.py:mine")
    assert told.returncode == 0 and "Climbs. lr: by hand." in told.stdout and "lr = 0.5" in told.stdout
    (tmp_path / "bad.py").write_text("def bad(policy, *, lr=0.5): ...\n")
    told = tell("rules", f"{tmp_path}/bad.py:bad")
    assert told.returncode == 2 and "has no annotation" in told.stderr


def test_environments_with_scores_are_listed_with_them(tell):
    lines = {line.split()[0]: line.split() for line in tell("environments").stdout.splitlines() if line}
    assert lines["CartPole-v1"][1:] == ["500", "21.5", "500"]
    assert lines["Acrobot-v1"][2] == "-500", "of random and fixed actions the better"
    assert "Taxi-v3" not in lines and set(anchors()) > {"Hopper-v5"}
    more = tell("environments", "--all").stdout
    assert "LunarLander-v3" in more and "LunarLander-v3" not in lines


def test_one_environment_is_told_whole(tell):
    told = tell("environments", "Hopper-v5", "FrozenLake-v1").stdout
    assert "(11,)" in told and "(3,)" in told and "1,000 steps" in told and "lean" in told
    assert "Discrete(4)" in told and "through gymnasium" in told and "PPO" in told


def test_what_cannot_be_used_says_why(tell, fakes):
    told = tell("environments", fakes + "Raises-v0")
    assert told.returncode == 0
    told = tell("environments", "nowhere_to_be_seen:X-v0")
    assert told.returncode == 0 and "cannot be used here" in told.stdout and "nowhere_to_be_seen" in told.stdout


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("rules", "trop"), "did you mean trpo?"),
        (("environments", "Hoper-v5"), "did you mean Hopper-v5?"),
        (("environments", "zzz"), "--all"),
    ],
)
def test_a_name_that_there_is_not_is_one_line(tell, line, message):
    done = tell(*line)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1
