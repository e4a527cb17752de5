from math import inf, nan

import pytest

from algos.ascent import ByAgreement, ByDivergence, Constant, Evidence, Harmonic, Unseen


class Shown:
    """A cross-fit that is known already."""

    def __init__(self, unseen):
        self.unseen = unseen


def evidence(gained=nan, predicted=1.0, kl=nan, accepted=True, full=True, target=nan):
    return Evidence(accepted, full, Shown(Unseen(gained, predicted, kl)), target)


NOTHING = Evidence(True, True, Shown(None))


def scales(part, *updates, scale=1.0):
    memory, path = None, []
    for each in updates:
        scale, memory = part.next_scale(scale, memory, each)
        path.append(scale)
    return path


def test_constant_stays():
    assert scales(Constant(), evidence(0.1), scale=0.7) == [0.7]


def test_by_agreement_shrinks_below_a_quarter_and_grows_above_three_quarters_once_updates_agree():
    part = ByAgreement(shrink=0.5, grow=2.0)
    poor, fair, good = (evidence(gained) for gained in (0.1, 0.5, 0.9))
    assert scales(part, *[poor] * 10) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25]
    assert scales(part, *[fair] * 10) == [1] * 10
    assert scales(part, *[good] * 10) == [1, 1, 1, 1, 2, 2, 2, 2, 2, 4]
    assert scales(part, *[good] * 40)[-1] == 4.0 and scales(part, *[poor] * 100)[-1] == 1 / 256


def test_by_agreement_waits_where_updates_contradict_each_other():
    part = ByAgreement(shrink=0.5, grow=2.0)
    assert scales(part, *[evidence(2.0), evidence(-0.5)] * 10) == [1] * 20
    assert scales(part, *[NOTHING] * 10) == [1] * 10, "without evidence it stays"
    assert scales(part, *[evidence(0.0, 0.0)] * 10) == [1] * 10, "no slope, no evidence"


def test_a_radius_grows_after_full_steps_only():
    short = evidence(0.9, full=False)
    part = ByAgreement(shrink=0.5, grow=2.0)
    assert scales(part, *[short] * 20) == [1] * 20
    assert scales(part, *[short] * 20, evidence(0.9))[-1] == 2.0
    assert scales(ByDivergence(), evidence(kl=0.01, target=0.02, full=False)) == [1]


@pytest.mark.parametrize("update", [evidence(0.9, accepted=False, full=False), evidence(-inf), evidence(nan)])
def test_a_search_that_found_nothing_and_a_step_that_overflows_shrink_at_once(update):
    assert scales(ByAgreement(shrink=0.5, grow=2.0), update) == [0.5]


def test_by_divergence_steers_full_steps_to_the_radius_that_the_rule_was_made_with():
    kls = (0.031, 0.02, 0.013)
    assert [scales(ByDivergence(), evidence(kl=kl, target=0.02)) for kl in kls] == [[0.5], [1.0], [2.0]]
    assert scales(ByDivergence(), NOTHING) == [1.0]
    assert scales(ByDivergence(), evidence(kl=nan, target=0.02)) == [0.5], "what overflows went too far"


def test_harmonic_is_a_half_after_half_and_a_third_after_twice_that():
    path = [1.0, *scales(Harmonic(half=5), *[NOTHING] * 10)]
    assert path[5] == pytest.approx(1 / 2) and path[10] == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="half must be positive, got 0"):
        Harmonic(0)


def test_factors_that_do_not_shrink_or_grow_are_refused():
    with pytest.raises(ValueError, match="shrink must lie in"):
        ByAgreement(shrink=1.5, grow=2.0)
