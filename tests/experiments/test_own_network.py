"""A network from a user's own file, and perceptrons beyond tanh, in whole runs."""

import numpy as np
import pytest
import torch

from algos.networks import MLP
from algos.networks.modules import LayeredMLP, ModuleNetwork
from algos.policies import DiagonalGaussian
from experiments.cell.actor import Actor
from experiments.cell.networks import critic_of, network_of, policy_of
from experiments.cell.spaces import Observations
from experiments.cell.train import train
from experiments.engines.user_files import decode_sources, encode_sources
from experiments.identity import code_of
from experiments.matrix_file import MatrixError, load_matrix
from experiments.records import EvaluationRow, RunRow
from experiments.spec import Settings

NETWORK = """
from math import prod

import torch
from torch import nn

from its_width import WIDTH


class Gated(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.body, self.gate = nn.Linear(inputs, WIDTH), nn.Linear(inputs, WIDTH)
        self.head = nn.Linear(WIDTH, outputs)

    def forward(self, x):
        x = x.flatten(1)
        return self.head(torch.tanh(self.body(x)) * torch.sigmoid(self.gate(x)))


def gated(obs_shape, outputs):
    return Gated(prod(obs_shape), outputs)


def dropped(obs_shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(obs_shape), outputs), nn.Dropout())


def broken(obs_shape, outputs):
    raise KeyError("width")
"""
MATRIX = """
seeds = 1
[settings]
n_envs = 2
batch_size = 64
hidden = [8, 8]
evaluations = 2
eval_episodes = 2
final_episodes = 2
[environments.CartPole-v1]
budget = 192
[rules.trpo]
[rules.trpo_gated]
rule = "trpo"
settings = {{ network = "{network}" }}
"""


@pytest.fixture
def network(tmp_path):
    """The file's FILE.py:gated."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "net.py").write_text(NETWORK)
    (tmp_path / "mine" / "its_width.py").write_text("WIDTH = 6\n")
    return f"{tmp_path}/mine/net.py:gated"


def ended(spec):
    rows = list(train(spec))
    (run,) = [row for row in rows if isinstance(row, RunRow)]
    assert run.status == "ok", run.reason
    return [row.return_mean for row in rows if isinstance(row, EvaluationRow)]


RULES = ["trpo", "trpo_subsampled_fisher", "trpo_kronecker", "ppo", "mm_adaptive"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("critic", ["gauss_newton", "adam"])
def test_a_run_with_a_network_of_ones_own(make_spec, network, rule, critic):
    spec = make_spec(rule=rule, network=network, critic=critic)
    assert ended(spec) == ended(spec), "the same seed, the same run"


@pytest.mark.parametrize("settings", [{"activation": "relu"}, {"activation": "silu", "layer_norm": True}], ids=str)
def test_a_run_with_another_perceptron(make_spec, settings):
    ended(make_spec("Pendulum-v1", **settings))


def test_which_perceptron_the_settings_name():
    seen = Observations((3,))
    assert network_of(Settings(hidden=(4,)), seen, 2) == MLP(3, (4,), 2)
    normed = ModuleNetwork(LayeredMLP((3,), (4,), 2, "tanh", True), 0)
    assert network_of(Settings(hidden=(4,), layer_norm=True), seen, 2) == normed
    assert critic_of(Settings(hidden=(4,), activation="relu"), seen, Settings().regression(0)).network == ModuleNetwork(
        LayeredMLP((3,), (4,), 1, "relu")
    )


def test_it_starts_as_its_file_says_and_as_the_seed_says(network):
    made = network_of(Settings(network=network), Observations((3,)), 4, 2)
    first, again, other = (made.init(torch.Generator().manual_seed(seed), free_value=-0.5) for seed in (1, 1, 2))
    assert first.equal(again) and not first.equal(other) and first[-2:].tolist() == [-0.5, -0.5]
    before = torch.get_rng_state()
    made.init(torch.Generator().manual_seed(1))
    assert torch.get_rng_state().equal(before)


def test_acting_is_the_policy(network):
    policy = policy_of(Settings(network=network), Observations((3,)), DiagonalGaussian(2))
    theta = policy.init(torch.Generator().manual_seed(0), -0.5)
    obs = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    expected = policy.outputs(theta, torch.from_numpy(obs)).detach().numpy()
    np.testing.assert_allclose(Actor(policy, theta).outputs(obs), expected, rtol=1e-6)


def test_a_matrix_file_names_it_relative_to_itself_and_its_code_is_the_cells(network, tmp_path):
    file = tmp_path / "mine" / "matrix.toml"
    file.write_text(MATRIX.format(network="net.py:gated"))
    plain, gated = load_matrix(file).cells
    assert gated.settings.network == network and plain.settings.network == "mlp"
    assert {"net.py", "its_width.py"} <= set(dict(code_of(gated).files)) - set(dict(code_of(plain).files))
    assert gated.code != plain.code and gated.run_id != plain.run_id


def test_it_travels_to_a_worker_under_the_same_name(network, make_spec, tmp_path):
    spec = make_spec(network=network)
    sources = encode_sources(spec)
    assert set(sources) == {"net.py", "its_width.py"}
    there, folder = decode_sources(spec, sources, tmp_path / "there")
    assert there.settings.network == f"{folder}/net.py:gated" and there.named[-1] == there.settings.network
    assert there.model_validate(there.model_dump()).run_id == spec.run_id


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("net.py:dropped", r'network = "net.py:dropped": it draws random numbers \(2: Dropout\)'),
        ("net.py:broken", r"net.py:broken\(\(4,\), 2\) raised KeyError: 'width'"),
        ("net.py:missing", "has no function missing"),
        ("elsewhere.py:gated", "elsewhere.py cannot be imported: FileNotFoundError"),
        ("transformer", "expected one of mlp, cnn, nature_cnn, or FILE.py:FUNCTION, got 'transformer'"),
    ],
)
def test_what_is_no_network_is_told_before_anything_runs(network, tmp_path, name, message):
    file = tmp_path / "mine" / "matrix.toml"
    file.write_text(MATRIX.format(network=name))
    with pytest.raises(MatrixError, match=message):
        load_matrix(file)
