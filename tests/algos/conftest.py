"""The fixture that runs a test on every family."""

import pytest
from algos_cases import FAMILIES, Problem, make_problem


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES.keys())
def problem(request: pytest.FixtureRequest) -> Problem:
    return make_problem(request.param)
