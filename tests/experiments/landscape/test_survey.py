"""On a problem where all is known: what touches, what bounds, and that lines and plane are of one piece."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from algos.exact import random_mdp
from algos.policies import Categorical, Policy
from experiments.landscape.exact import ExactGround
from experiments.landscape.survey import Chart, Survey
from experiments.records import LandscapeLineRow, LandscapePlaneRow, frame

MDP = random_mdp(6, 3, 0.9, torch.Generator().manual_seed(0), termination=0.05)
POLICY = Policy.mlp(6, (5,), Categorical(3))
THETA = torch.randn(POLICY.network.size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
RADIUS = 0.02
MODELS = ["surrogate", "quadratic", "penalized", "bound", "average_bound"]


def look(mdp=MDP, cg_iterations=200, damping=1e-10):
    ground = ExactGround(mdp, POLICY, THETA, torch.eye(6))
    return Survey(ground, RADIUS, cg_iterations, damping, np.random.default_rng(0))


@pytest.fixture(scope="module")
def survey():
    return look()


@pytest.fixture(scope="module")
def lines(survey):
    return frame(LandscapeLineRow, list(survey.lines(20, 3.0)))


@pytest.fixture(scope="module")
def plane(survey):
    return frame(LandscapePlaneRow, list(survey.plane(15, 2.0)))


def test_every_direction_has_both_windows_and_the_policy_itself(lines):
    sizes = lines.groupby(["direction", "window"]).size()
    assert len(sizes) == 6 and (sizes == 20 + 1).all() and (lines.t == 0).sum() == 6
    assert lines[lines.window == "radius"].t.agg(["min", "max"]).tolist() == [-1, 3]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_touches_the_return_at_the_policy(survey, lines, model):
    middle = lines[lines.t == 0]
    np.testing.assert_allclose(middle[model], survey.here, atol=1e-12)


@pytest.mark.parametrize("model", ["return_mean", *MODELS])
@pytest.mark.parametrize("direction", ["gradient", "natural", "random"])
def test_every_model_touches_with_the_slope_of_the_return(survey, direction, model):
    s, h = survey.directions[direction], 1e-6
    chart = Chart.of(survey.ground, s)
    above, below = (chart.read(survey.ground, survey.here, survey.beta, t)[model] for t in (h, -h))
    slope = float(survey.ground.gradient @ s)
    assert (above - below) / (2 * h) == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("table", ["lines", "plane"])
def test_the_bounds_are_nowhere_above_the_return(table, request):
    rows = request.getfixturevalue(table)
    for bound in ("bound", "average_bound"):
        assert (rows[bound] <= rows.return_mean + 1e-9).all()
        assert (rows[bound] < rows.return_mean - 1e-9).any(), "and it is not the return itself"
    assert (rows.surrogate > rows.return_mean + 1e-9).any(), "which the surrogate is, somewhere"


def test_the_penalised_surrogate_is_less_by_beta_times_the_divergence(survey, plane):
    np.testing.assert_allclose(plane.penalized, plane.surrogate - survey.beta * plane.kl)
    assert survey.beta > 0


def test_the_bounds_window_shows_where_the_bound_is_highest(lines):
    near = lines[(lines.window == "bound") & (lines.direction == "gradient")]
    best = near.loc[near.bound.idxmax()]
    assert 0 < best.t < near.t.max() / 2 and best.bound > near[near.t == 0].bound.item()


def test_one_step_along_every_direction_ends_on_the_trust_region(lines):
    edge = lines[np.isclose(lines.t, -1) & (lines.window == "radius")]
    np.testing.assert_allclose(edge.quadratic_kl, RADIUS)
    assert len(edge) == 3 and edge.kl.between(0.7 * RADIUS, 1.4 * RADIUS).all()


def test_the_natural_direction_solves_fisher_times_s_is_g(survey):
    g, s = survey.ground.gradient, survey.directions["natural"]
    product = survey.ground.fisher(s)
    assert float(product @ g / product.norm() / g.norm()) == pytest.approx(1, abs=1e-6)


def test_the_quadratic_model_is_highest_at_the_natural_step(survey, plane):
    axes = survey.axes()
    x, y = (float(survey.directions["natural"] @ axis) for axis in axes)
    chart = Chart.of(survey.ground, *axes)
    top = chart.read(survey.ground, survey.here, survey.beta, x, y)
    assert top["quadratic_kl"] == pytest.approx(RADIUS) and y > 0
    nearest = plane.iloc[int(np.hypot(plane.x - x, plane.y - y).argmin())]
    assert plane.quadratic.max() <= top["quadratic"] and nearest.quadratic > survey.here


def test_the_plane_holds_the_lines(survey):
    ground, here, beta, axes = survey.ground, survey.here, survey.beta, survey.axes()
    flat = Chart.of(ground, *axes)
    for name in ("gradient", "natural"):
        d = survey.directions[name]
        along = Chart.of(ground, d).read(ground, here, beta, -0.7)
        within = flat.read(ground, here, beta, *(-0.7 * float(d @ axis) for axis in axes))
        assert within == pytest.approx(along)


def test_the_planes_coordinates_are_lengths_and_its_ellipse_fits_in(plane):
    np.testing.assert_allclose(plane.norm, np.hypot(plane.x, plane.y), atol=1e-12)
    rim = plane[(plane.x.abs() == plane.x.max()) | (plane.y.abs() == plane.y.max())]
    assert rim.quadratic_kl.min() >= RADIUS * 2.0**2 * (1 - 1e-9), "twice the extent is four times the divergence"


def test_where_nothing_is_to_be_gained_there_is_no_direction():
    with pytest.raises(ValueError, match="gradient is zero"):
        look(replace(MDP, rewards=torch.zeros_like(MDP.rewards)))


def test_a_natural_direction_that_is_the_gradient_spans_no_plane():
    with pytest.raises(ValueError, match="span no plane"):
        look(damping=1e9).axes()
