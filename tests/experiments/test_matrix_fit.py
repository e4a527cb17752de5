from types import SimpleNamespace

import psutil
import pytest

from algos.policies import Categorical, DiagonalGaussian, MultiCategorical
from experiments.cell.action_spaces import Actions
from experiments.cell.spaces import Interface, Observations
from experiments.matrix_fit import notes_of, policies_of, problem_of
from experiments.spec import Settings

VECTOR = Observations((4,))
CHOICE = Interface(VECTOR, Actions("discrete", (2,), False), 500)
CHOICES = Interface(VECTOR, Actions("multi_discrete", (2, 3), False), 500)
BOUNDED = Interface(VECTOR, Actions("continuous", (2,), True), 500)
OPEN = Interface(VECTOR, Actions("continuous", (2,), False), 500)


@pytest.mark.parametrize("interface", [CHOICE, CHOICES, BOUNDED, OPEN])
def test_actions_need_bounds_to_be_squashed_into(interface):
    squashed = problem_of(interface, Settings(action_distribution="squashed_gaussian"))
    assert problem_of(interface, Settings()) is None and (squashed is None) == (interface is not OPEN)


PICTURES = Interface(Observations((84, 84, 4), 255), Actions("discrete", (6,), False), 500)


def test_a_network_for_images_needs_some():
    assert problem_of(PICTURES, Settings(network="nature_cnn")) is None
    assert problem_of(CHOICE, Settings(network="cnn")).startswith('network = "cnn": observations of shape [4] are no')
    small = Interface(Observations((10, 10, 4), 1), CHOICE.actions, 500)
    assert problem_of(small, Settings(network="cnn")) is None
    assert "is too small for" in problem_of(small, Settings(network="nature_cnn"))


def noted(interface, make_spec, **settings):
    return notes_of({"CartPole-v1": interface}, [make_spec(**settings), make_spec(seed=1, **settings)])


def test_an_image_is_not_given_to_a_perceptron_without_a_word(make_spec):
    assert noted(CHOICE, make_spec) == ()
    flattened, _ = noted(PICTURES, make_spec)
    assert 'network = "mlp" takes as 28,224 numbers' in flattened and 'network = "nature_cnn" is for' in flattened
    for shape, said in (((10, 10, 4), 'network = "cnn" is for'), ((2, 2, 1), "no network here is for")):
        flattened, _ = noted(Interface(Observations(shape, 1), CHOICE.actions, 500), make_spec)
        assert said in flattened
    (memory,) = noted(PICTURES, make_spec, network="nature_cnn", batch_size=2048, budget=40960)
    assert "a batch of 2,048 take about 578 MB" in memory and "lower" not in memory


def test_nor_are_images_among_other_things(make_spec):
    mixed = Interface(Observations((303,)), CHOICE.actions, 500, ((10, 10, 3),))
    (note,) = noted(mixed, make_spec)
    assert "images of shape [10, 10, 3] among other things" in note and 'network = "cnn"' in note
    assert "FILE.py:FUNCTION" in note and noted(mixed, make_spec, network="/here/nets.py:apart") == ()


def test_what_does_not_fit_into_memory_is_told_of_before(make_spec, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=2e9))
    wide = Interface(Observations((33_600,)), CHOICE.actions, 500)
    assert noted(wide, make_spec) == ()
    (note,) = noted(wide, make_spec, batch_size=2048, budget=40960)
    assert "take about 2,202 MB" in note and "this machine has 2,000 MB, so lower batch_size" in note


def test_rules_are_tried_on_a_policy_for_each_kind_of_action():
    interfaces = {"a": CHOICE, "b": CHOICES, "c": BOUNDED, "d": CHOICE}
    families = {env: policy.family for env, policy in policies_of(interfaces).items()}
    assert families == {"a": Categorical(2), "b": MultiCategorical((2, 3)), "c": DiagonalGaussian(2)}
    assert len(policies_of({})) == 1
