import numpy as np
import pytest
import torch

from algos.networks import MLP, Pixels
from algos.networks.modules import NATURE, SMALL
from algos.policies import Categorical, DiagonalGaussian, Policy
from experiments.cell.networks import critic_of, network_of, policy_of
from experiments.cell.spaces import Observations
from experiments.cell.train import train
from experiments.records import EvaluationRow
from experiments.spec import Settings

IMAGE = Observations((10, 10, 4), 255)


def test_a_perceptron_is_what_it_was():
    settings = Settings(hidden=(8, 4))
    assert policy_of(settings, Observations((3,)), DiagonalGaussian(2)) == Policy.mlp(3, (8, 4), DiagonalGaussian(2))
    assert critic_of(settings, Observations((3,)), settings.regression(0)).network == MLP(3, (8, 4), 1)
    assert network_of(settings, IMAGE, 3) == MLP(400, (8, 4), 3), "an image is flattened for it"


def test_images_become_numbers_from_zero_to_one():
    network = policy_of(Settings(network="cnn"), IMAGE, Categorical(3)).network
    assert isinstance(network, Pixels) and network.brightest == 255 and network.output_size == 3
    theta = network.init(torch.Generator().manual_seed(0))
    image = np.random.default_rng(0).integers(0, 256, (5, 10, 10, 4), np.uint8)
    seen = torch.from_numpy(image)
    torch.testing.assert_close(network(theta, seen), network.network(theta, seen.float() / 255))
    real = policy_of(Settings(network="cnn"), Observations((10, 10, 4)), DiagonalGaussian(2)).network
    assert not isinstance(real, Pixels) and (real.output_size, real.free_size) == (4, 2)


@pytest.mark.parametrize(("name", "design"), [("cnn", SMALL), ("nature_cnn", NATURE)])
def test_a_name_is_a_design(name, design):
    network = network_of(Settings(network=name), Observations((4, 84, 84), 255), 3)
    assert network.network.architecture.design == design


def evaluations(spec):
    return [row.return_mean for row in train(spec) if isinstance(row, EvaluationRow) and row.action == "sampled"]


@pytest.mark.parametrize("rule", ["trpo", "ppo"])
def test_a_run_sees_images(make_spec, fakes, rule):
    settings = {"network": "cnn", "batch_size": 128, "budget": 128 * 15, "critic_steps": 1, "final_episodes": 20}
    found = evaluations(make_spec("space_environments:Photographs-v0", rule, **settings))
    assert found[-1] > 6, "at random it is 3.3, at best 10"


def test_trpo_learns_breakout_from_pixels(make_spec):
    """Ten thousand steps: about ten seconds of a core, and several times what random actions get."""
    pytest.importorskip("minatar", reason="the extra minatar")
    settings = {"n_envs": 16, "batch_size": 512, "budget": 10_240, "critic_steps": 1, "final_episodes": 100}
    env = "experiments.minatar_games:MinAtar/Breakout-v1"
    random, *_, learnt = evaluations(make_spec(env, "trpo", seed=100, network="cnn", eval_episodes=20, **settings))
    assert random < 0.8 and learnt > 1.5, "300 episodes of random actions: 0.40 +- 0.04"
