from dataclasses import replace
from math import exp, inf, nan, pi, prod, sqrt

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.stats import binomtest

from algos.ascent import ByAgreement, ByDivergence, Constant, Evidence, Harmonic, Unseen
from algos.ascent.radius import Tally


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


def test_the_evidence_is_a_likelihood_ratio():
    """Against the integral that defines it: over mean / sigma = d from a standard normal, and all sigma alike."""
    x = [0.3, 1.1, -0.2, 0.8]
    tally = Tally()
    for value in x:
        tally = tally.plus(value)

    def likelihood(d, log_sigma):
        sigma = exp(log_sigma)
        return prod(exp(-((v / sigma - d) ** 2) / 2) / sigma for v in x)

    ratio = dblquad(lambda s, d: likelihood(d, s) * exp(-d * d / 2) / sqrt(2 * pi), -8, 8, -5, 6)[0]
    assert tally.evidence == pytest.approx(ratio / quad(lambda s: likelihood(0, s), -5, 6)[0], rel=1e-6)
    assert Tally().evidence == Tally().plus(0.0).evidence == 1
    assert Tally().plus(2.0).evidence == pytest.approx(1), "one number says nothing of a sign"


def moved(noise, part):
    """The share of sequences [S, U] of updates without a signal within which the scale ever moves."""
    return np.mean([set(scales(part, *[evidence(g, p) for g, p in each])) != {1.0} for each in noise])


@pytest.mark.parametrize("shape", ["normal", "heavy tails"])
def test_noise_alone_moves_a_scale_no_more_often_than_the_stated_error(shape):
    """Of 400 sequences of 200 updates: by two standard errors more than a third would."""
    rng = np.random.default_rng(0)
    slopes = rng.normal(size=(400, 200)) if shape == "normal" else rng.standard_t(3, size=(400, 200))
    noise = np.stack([slopes + 0.3 * rng.normal(size=slopes.shape), slopes], axis=-1)  # gained, predicted
    part = ByAgreement(shrink=0.5, grow=2.0)
    wrong = round(400 * moved(noise, part))
    assert binomtest(wrong, 400).proportion_ci(0.99).low <= part.error, f"{wrong} of 400"
    assert moved(noise, replace(part, error=0.5)) > 0.1, "a test that cannot err says nothing"


def test_a_signal_is_seen_within_a_few_updates():
    """An agreement of .95 or .05 in noise as large as its distance from the threshold: 14 updates, as a rule."""
    rng = np.random.default_rng(1)
    for agreement, expected in ((0.95, 2.0), (0.05, 0.5)):
        firsts = []
        for _ in range(100):
            gains = agreement + 0.2 * rng.normal(size=100)
            path = scales(ByAgreement(shrink=0.5, grow=2.0), *[evidence(g) for g in gains])
            firsts.append(next((k for k, scale in enumerate(path, 1) if scale == expected), 1000))
        assert np.median(firsts) <= 20, firsts


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
    with pytest.raises(ValueError, match=r"error must lie in \(0, 1\), got 2"):
        ByAgreement(shrink=0.5, grow=2.0, error=2)
