from math import nan

import pytest

from algos.ascent import ByAgreement, ByDivergence, Constant, Evidence, Harmonic

GOOD, POOR, FAIR = (Evidence(True, agreement, 0.02) for agreement in (0.9, 0.1, 0.5))


def test_constant_stays():
    assert Constant().next_scale(0.7, POOR) == 0.7


def test_by_agreement_shrinks_below_a_quarter_and_grows_above_three_quarters():
    part = ByAgreement(shrink=0.5, grow=2.0)
    assert [part.next_scale(1.0, evidence) for evidence in (POOR, FAIR, GOOD)] == [0.5, 1.0, 2.0]
    assert part.next_scale(1.0, Evidence(False, 0.9, 0.02)) == 0.5, "a rejected step shrinks"
    assert part.next_scale(4.0, GOOD) == 4.0 and part.next_scale(1 / 256, POOR) == 1 / 256
    assert part.next_scale(1.0, Evidence(True, nan, nan)) == 1.0, "without evidence it stays"


def test_by_divergence_steers_the_first_candidate_to_its_target():
    part = ByDivergence(0.02)
    assert [part.next_scale(1.0, Evidence(True, nan, kl)) for kl in (0.031, 0.02, 0.013)] == [0.5, 1.0, 2.0]
    assert part.next_scale(1.0, Evidence(True, nan, nan)) == 1.0


def test_harmonic_is_a_half_after_half_and_a_third_after_twice_that():
    part, scales = Harmonic(half=5), [1.0]
    for _ in range(10):
        scales.append(part.next_scale(scales[-1], POOR))
    assert scales[5] == pytest.approx(1 / 2) and scales[10] == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="half must be positive, got 0"):
        Harmonic(0)


def test_factors_that_do_not_shrink_or_grow_are_refused():
    with pytest.raises(ValueError, match="shrink must lie in"):
        ByAgreement(shrink=1.5, grow=2.0)
