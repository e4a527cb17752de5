import pytest

from experiments.names import Pattern, cell_name

CELL = ("trpo", "trpo(max_kl=0.01)", "ALE/Breakout-v5", 3)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        ("trpo", True),
        ("trpo/*", True),
        ("trpo(max_kl=*)", True),
        ("*/ALE/Breakout-v5", True),
        ("trpo/ALE/Breakout-v5/seed3", True),
        ("trpo/*/seed3", True),
        ("*/seed3", True),
        ("trpo/*/seed*", True),
        (cell_name(*CELL[1:]), True),
        ("trpo/ALE/Breakout-v5/seed30", False),
        ("*/seed4", False),
        ("npg/*", False),
        ("*/Breakout-v5", False),
        ("TRPO", False),
    ],
)
def test_a_pattern_means_rule_environment_and_seed(pattern, matches):
    assert Pattern(pattern).matches(*CELL) is matches


def test_a_name_with_brackets_is_itself():
    assert Pattern("a([1, 2])/X-v0/seed0").matches("a", "a([1, 2])", "X-v0", 0)
    assert not Pattern("a([1, 2])/X-v0/seed0").matches("a", "a1", "X-v0", 0)
