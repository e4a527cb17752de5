import pytest

from analysis.anchors import COLUMNS, KINDS, Scale, Variant, anchors_of, given, pinned, scales
from analysis.measures.efficiency import normalized

MUJOCO = (
    "Ant", "HalfCheetah", "Hopper", "Humanoid", "HumanoidStandup", "InvertedDoublePendulum", "InvertedPendulum",
    "Reacher", "Swimmer", "Walker2d",
)  # fmt: skip
CLASSIC = ("Acrobot-v1", "CartPole-v0", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1")
TOY_TEXT = (
    "Blackjack-v1", "CliffWalking-v1", "CliffWalkingSlippery-v1", "FrozenLake-v1", "FrozenLake8x8-v1", "Taxi-v4",
)  # fmt: skip
TASKS = [*CLASSIC, *TOY_TEXT, "Pusher-v5", *(f"{name}-v{version}" for name in MUJOCO for version in (4, 5))]
CLIFFS = ("CliffWalking-v1", "CliffWalkingSlippery-v1")
TABLE = pinned()
LINES = list(TABLE.groupby(["env", "limit"]))


def test_every_task_of_gymnasium_has_the_same_three_anchors():
    """But Pusher-v4, which its library no longer makes."""
    assert set(TABLE.env) == set(TASKS) and tuple(TABLE.columns) == COLUMNS
    for where, part in LINES:
        assert tuple(part.anchor) == KINDS, where
    assert {env for env, part in TABLE[~TABLE.registered].groupby("env")} == {*CLIFFS, "Blackjack-v1"}


def test_every_anchor_says_what_it_is_and_how_sure():
    assert set(TABLE.kind) == {"measured", "published"}
    assert TABLE[["policy", "source", "limit", "n"]].notna().all(axis=None)
    measured = TABLE[TABLE.kind == "measured"]
    assert (measured.n >= 100).all() and (measured.low <= measured["mean"]).all()
    assert (measured["mean"] <= measured.high).all() and measured.source.str.contains("seeds 100-199").all()
    published = TABLE[TABLE.kind == "published"]
    assert (published.anchor == "reference").all() and (published.n >= 4).all()


def test_the_reference_is_better_than_what_sees_nothing():
    for where, part in LINES:
        (scale,) = scales(part).values()
        assert scale.one > scale.zero >= scale.random, where


@pytest.mark.parametrize("where", [where for where, _ in LINES], ids=str)
def test_acting_without_looking_scores_nothing(where):
    """Standing still used to score 0.91 on CliffWalking; against random actions it would 0.8 on Reacher, 0.6 on Ant."""
    part = dict(LINES)[where]
    (scale,) = scales(part).values()
    assert normalized(part["mean"].to_numpy(float), scale.pair)[:2].max() == 0


def test_the_better_of_random_and_fixed_actions_is_zero():
    cliff = scales(dict(LINES)[("CliffWalking-v1", 200)])["CliffWalking-v1"]
    assert (cliff.zero, cliff.one) == (-200, -13) and cliff.random < -1900
    pole = scales(dict(LINES)[("CartPole-v1", 500)])["CartPole-v1"]
    assert pole.zero == pole.random and 20 < pole.random < 25 and pole.one == 500


def test_pinned_anchors_hold_for_the_environment_as_it_is_registered():
    def limits(*variant):
        found = anchors_of([Variant(*variant)], {})
        assert tuple(found.anchor) in ((), KINDS)
        return set(found.limit)

    assert limits("CartPole-v1", None, False, 10_000) == limits("CartPole-v1", 500, False) == {500}
    assert limits("CartPole-v1", 200, False) == limits("CartPole-v1", None, True) == set()
    assert limits("CliffWalking-v1", None, False, 10_000) == {10_000}
    assert limits("CliffWalking-v1", 200, False, 10_000) == {200}
    assert limits("CliffWalking-v1", 500, False, 10_000) == limits("CliffWalking-v1", None, False) == set()
    assert limits("Blackjack-v1", None, False, 10_000) == {10_000}
    assert limits("Nowhere-v0", None, False) == set()


def test_what_the_matrix_file_gives_comes_first():
    made = anchors_of([Variant("CartPole-v1", None, True)], {"CartPole-v1": (10.0, 5.0)})
    assert scales(made) == {"CartPole-v1": Scale(10, 5, 10)}
    assert set(made.kind) == {"given"} and list(made["mean"]) == list(given("CartPole-v1", 10.0, 5.0)["mean"])
