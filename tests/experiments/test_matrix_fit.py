import pytest

from algos.policies import Categorical, DiagonalGaussian, MultiCategorical
from experiments.cell.action_spaces import Actions
from experiments.cell.spaces import Interface, Observations
from experiments.matrix_fit import policies_of, problem_of
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


def test_rules_are_tried_on_a_policy_for_each_kind_of_action():
    interfaces = {"a": CHOICE, "b": CHOICES, "c": BOUNDED, "d": CHOICE}
    families = {env: policy.family for env, policy in policies_of(interfaces).items()}
    assert families == {"a": Categorical(2), "b": MultiCategorical((2, 3)), "c": DiagonalGaussian(2)}
    assert len(policies_of({})) == 1
