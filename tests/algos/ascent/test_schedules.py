import math
from dataclasses import dataclass

import pytest
import torch

from algos.ascent import ByEveryAgreement, ByHypergradient, BySignal, Evidence, LocalModel, Natural, Unseen


@dataclass
class Shown:
    unseen: Unseen | None


def signal(predicted, promised):
    return Evidence(True, True, Shown(Unseen(0.0, predicted, 0.0, promised)))


@pytest.mark.parametrize(
    ("gained", "predicted", "accepted", "full", "scale"),
    [
        (0.9, 1.0, True, True, 2.0),
        (0.9, 1.0, True, False, 1.0),
        (0.5, 1.0, True, True, 1.0),
        (0.2, 1.0, True, True, 0.5),
        (0.9, 1.0, False, False, 0.5),
        (-0.1, -1.0, True, True, 0.5),  # unseen rows say it leads downhill
        (math.nan, 1.0, True, True, 0.5),
    ],
)
def test_one_batch_decides(gained, predicted, accepted, full, scale):
    seen = Evidence(accepted, full, Shown(Unseen(gained, predicted, 0.0)))
    assert ByEveryAgreement(0.5, 2.0).next_scale(1.0, None, seen) == (scale, None)


def test_the_share_of_signal_is_a_ratio_of_moving_averages():
    schedule = BySignal(decay=0.5)
    scale, memory = schedule.next_scale(1.0, None, signal(1.0, 3.0))
    assert scale == pytest.approx(1 / 2)  # a'F^-1 b = 1, g'F^-1 g = (1 + 3) / 2
    scale, memory = schedule.next_scale(scale, memory, signal(-0.25, 4.0))
    assert scale == pytest.approx((0.5 * 1 - 0.25) / (0.5 * 2 + 1.875))
    scale, memory = schedule.next_scale(scale, memory, signal(-9.0, 20.0))
    assert scale == 1e-3
    assert schedule.next_scale(0.3, memory, Evidence(True, True, Shown(None))) == (0.3, memory)


def test_a_gradient_that_halves_agree_on_keeps_the_whole_radius():
    assert BySignal().next_scale(0.1, None, signal(2.0, 2.0))[0] == 1.0


def evidence(problem, theta, step):
    """The Fisher matrix of the Gaussian is nearly singular: its natural gradient is known to some four digits."""
    model = LocalModel(problem.policy, theta, problem.batch)
    heading, _ = Natural(300, 0.0).head(model, None)
    return Evidence(True, True, Shown(None), heading=heading, step=step), model


def test_the_scale_moves_by_the_cosine_between_a_step_and_the_next_natural_gradient(problem):
    schedule, g = ByHypergradient(rate=0.5), torch.Generator().manual_seed(0)
    last = torch.randn(len(problem.theta), generator=g).double()
    seen, model = evidence(problem, problem.theta, "what was taken now")
    assert schedule.next_scale(1.0, None, seen) == (1.0, "what was taken now")
    natural, metric = seen.heading.vector, model.fisher
    cosine = float(natural @ metric(last)) / math.sqrt(float(natural @ metric(natural)) * float(last @ metric(last)))
    scale, memory = schedule.next_scale(1.0, last, seen)
    assert scale == pytest.approx(math.exp(0.5 * cosine), rel=1e-3) and memory == "what was taken now"
    assert scale != 1.0
    back, _ = schedule.next_scale(1.0, -last, seen)
    assert back == pytest.approx(1 / scale)


def test_a_step_on_that_is_one_again_grows_by_the_whole_rate(problem):
    seen, _ = evidence(problem, problem.theta, None)
    scale, _ = ByHypergradient(0.2).next_scale(1.0, 3 * seen.heading.vector, seen)
    assert scale == pytest.approx(math.exp(0.2), rel=1e-3)


def test_the_scale_stays_between_its_bounds(problem):
    seen, _ = evidence(problem, problem.theta, None)
    schedule = ByHypergradient(2.0, smallest=0.5, largest=1.5)
    assert schedule.next_scale(1.0, seen.heading.vector, seen)[0] == 1.5
    assert schedule.next_scale(1.0, -seen.heading.vector, seen)[0] == 0.5


def test_numbers_out_of_range_are_refused():
    for wrong in (
        lambda: ByEveryAgreement(2.0, 3.0),
        lambda: BySignal(1.0),
        lambda: BySignal(floor=0.0),
        lambda: ByHypergradient(0.0),
    ):
        with pytest.raises(ValueError, match="must"):
            wrong()
