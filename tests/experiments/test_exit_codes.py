import pytest

from experiments.exit_codes import FAILED, MORE_TO_DO, OK, exit_code


@pytest.mark.parametrize(
    ("stored", "stopped", "code"),
    [
        ({"a": "ok", "b": "ok"}, OK, OK),
        ({"a": "ok", "b": "ok", "c": "env_error"}, OK, OK),  # nobody planned c
        ({"a": "ok", "b": "diverged"}, OK, FAILED),
        ({"a": "ok", "b": "killed"}, OK, FAILED),
        ({"a": "ok"}, OK, MORE_TO_DO),
        ({"a": "env_error"}, OK, MORE_TO_DO),
        ({"a": "ok", "c": "ok"}, OK, MORE_TO_DO),  # what came for b was another's
        ({}, 143, 143),
        ({"a": "ok"}, 74, 74),
        ({"a": "ok", "b": "ok"}, 130, OK),  # the signal came when all was done
        ({"a": "ok", "b": "oom"}, 130, FAILED),
    ],
)
def test_the_exit_code_is_what_is_stored_of_the_plan_and_else_why_not(stored, stopped, code):
    assert exit_code(["a", "b"], stored, stopped) == code
