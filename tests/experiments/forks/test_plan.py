import pytest

from algos.rules import RULES
from experiments.forks.plan import ForksError, plan

MATRIX = """
[settings]
batch_size = 64
n_envs = 4
[environments.FrozenLake-v1]
budget = 6400
gamma = 0.9
kwargs = { is_slippery = false }
[rules.trpo]
[rules.npg]
lr = [0.1, 0.2]
[rules.raw]
rule = "trpo"
settings = { normalize_obs = false }
"""
OUTSIDE = '''
from algos.rules import RULES

def mine(policy, *, lr: float = 0.5):
    """One of a user's own."""
    return RULES["vanilla_pg"](policy, lr=lr)
'''


@pytest.fixture
def matrix(tmp_path):
    (tmp_path / "mine.toml").write_text(MATRIX)
    return str(tmp_path / "mine.toml")


def test_by_default_every_rule_gets_the_batch_with_its_defaults():
    trunks, entries = plan("ppo", "CartPole-v1", (), None, 3)
    assert [entry.label for entry in entries] == list(RULES) and entries[0].hyper == {"lr": 0.3}
    assert [(trunk.rule, trunk.seed, trunk.env) for trunk in trunks] == [("ppo", s, "CartPole-v1") for s in range(3)]


def test_rules_can_be_named_and_come_from_a_file(tmp_path):
    (tmp_path / "own.py").write_text(OUTSIDE)
    _, entries = plan("trpo", "CartPole-v1", ("npg", f"{tmp_path}/own.py:mine", "npg"), None, 1)
    assert [(entry.label, entry.rule) for entry in entries] == [("npg", "npg"), ("mine", f"{tmp_path}/own.py:mine")]
    assert entries[1].hyper == {"lr": 0.5}


def test_a_matrix_gives_settings_and_sweeps(matrix):
    trunks, entries = plan("trpo", "FrozenLake-v1", ("trpo", "npg*"), matrix, 1)
    assert trunks[0].settings.gamma == 0.9 and trunks[0].env_kwargs == {"is_slippery": False}
    assert [entry.hyper.get("lr") for entry in entries] == [None, 0.1, 0.2]


@pytest.mark.parametrize(
    ("trunk", "env", "rules", "message"),
    [
        ("trop", "CartPole-v1", (), "no rule trop to train; did you mean trpo?"),
        ("trpo", "CartPole-v9", (), "CartPole-v9: unknown environment; did you mean CartPole"),
        ("trpo", "CartPole-v1", ("pppo",), "--rules: no rule pppo; did you mean ppo?"),
        ("trpo", "CartPole-v1", ("nowhere.py:f",), "--rules nowhere.py:f: "),
    ],
)
def test_what_cannot_be_run_is_refused(trunk, env, rules, message):
    with pytest.raises(ForksError, match="^" + message.replace("?", r"\?")):
        plan(trunk, env, rules, None, 1)


def test_an_environment_that_the_matrix_lacks_is_refused(matrix):
    with pytest.raises(ForksError, match="has no environment FrozenLake-v9; did you mean FrozenLake-v1"):
        plan("trpo", "FrozenLake-v9", (), matrix, 1)


def test_a_rule_with_settings_of_its_own_cannot_learn_from_the_batch(matrix):
    with pytest.raises(ForksError, match="raw has settings of its own"):
        plan("trpo", "FrozenLake-v1", (), matrix, 1)


def test_an_environment_can_come_from_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("import gymnasium as gym\n\ndef mine():\n    return gym.make('CartPole-v1')\n")
    trunks, _ = plan("trpo", "mine.py:mine", ("npg",), None, 1)
    assert (trunks[0].env, trunks[0].environment) == ("mine.py:mine", f"{tmp_path / 'mine.py'}:mine")
    with pytest.raises(ForksError, match=r"^mine.py:yours: OutsideError: .*mine.py has no class or function yours"):
        plan("trpo", "mine.py:yours", (), None, 1)
