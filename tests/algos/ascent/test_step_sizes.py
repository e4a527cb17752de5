import pytest
import torch

from algos.ascent import DampedKLRadius, Fixed, Gradient, KLRadius, LocalModel, Natural, QuadraticBound

PARTS = {"lr": Fixed, "max_kl": KLRadius, "beta": QuadraticBound}


def model_of(problem):
    return LocalModel(problem.policy, problem.theta, problem.batch)


@pytest.mark.parametrize("direction", [Gradient(), Natural()], ids=repr)
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_kl_radius_puts_the_quadratic_kl_at_delta(problem, direction, scale):
    model = model_of(problem)
    heading, _ = direction.head(model, None)
    length = KLRadius(0.02).length(model, heading, scale)
    step = length.alpha * heading.vector
    assert float(step @ model.fisher(step)) / 2 == pytest.approx(0.02 * scale, rel=1e-9)
    assert length.radius == 0.02 * scale


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_the_damped_form_puts_the_damped_quadratic_at_delta_and_is_shorter(problem, scale):
    model = model_of(problem)
    heading, _ = Natural(damping=0.1).head(model, None)
    damped = DampedKLRadius(0.02).length(model, heading, scale)
    step = damped.alpha * heading.vector
    assert float(step @ model.fisher(step) + 0.1 * step @ step) / 2 == pytest.approx(0.02 * scale, rel=1e-9)
    assert damped.alpha < KLRadius(0.02).length(model, heading, scale).alpha


def test_the_quadratic_bound_is_maximised_by_the_natural_gradient_over_beta(problem):
    model = model_of(problem)
    heading, _ = Natural(cg_iterations=2000, damping=0.0).head(model, None)  # g lies in the range of F
    length = QuadraticBound(4.0).length(model, heading, 1.0)
    assert length.alpha == pytest.approx(1 / 4.0, rel=1e-6) and length.beta == 4.0
    for other in (0.9, 1.1):
        assert bound(model, length.alpha * heading.vector) > bound(model, other * length.alpha * heading.vector)


def bound(model, d):
    return float(model.gradient @ d - 4.0 / 2 * d @ model.fisher(d))


def test_scale_multiplies_a_rate_and_divides_a_penalty(problem):
    model = model_of(problem)
    heading, _ = Gradient().head(model, None)
    assert Fixed(0.3).length(model, heading, 0.5).alpha == pytest.approx(0.15)
    one, half = (QuadraticBound(4.0).length(model, heading, scale) for scale in (1.0, 0.5))
    assert half.beta == 8.0 and half.alpha == pytest.approx(one.alpha / 2)


def test_without_slope_nothing_moves(problem):
    model = LocalModel(problem.policy, problem.theta, problem.with_advantages(torch.zeros(60).double()))
    heading, _ = Natural().head(model, None)
    for part in (KLRadius(0.1), DampedKLRadius(0.1), QuadraticBound(1.0)):
        assert part.length(model, heading, 1.0).alpha == 0.0


@pytest.mark.parametrize(("name", "part"), PARTS.items())
def test_a_length_that_is_not_positive_is_refused(name, part):
    for value in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=f"{name} must be positive"):
            part(value)


@pytest.mark.parametrize("part", [KLRadius(0.1), DampedKLRadius(0.1), QuadraticBound(1.0)], ids=repr)
def test_without_curvature_there_is_no_length(problem, part):
    flat = Flat(problem.policy, problem.theta, problem.batch)
    heading, _ = Gradient().head(flat, None)
    assert heading.slope > 0 and part.length(flat, heading, 1.0).alpha == 0.0


class Flat(LocalModel):
    """As if the policy did not change along any direction."""

    def curvature(self, v):
        return 0.0
