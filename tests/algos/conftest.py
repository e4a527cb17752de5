"""The fixture that runs a test on every family and kind of network."""

import pytest
from algos_cases import PROBLEMS, Problem, make_problem


@pytest.fixture(params=PROBLEMS.values(), ids=PROBLEMS.keys())
def problem(request: pytest.FixtureRequest) -> Problem:
    family, network = request.param
    return make_problem(family, network=network)
