"""Measure a landscape: the lines and the plane through one policy of a cell, exactly where that is possible."""

from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from algos.ascent.directions import Natural
from experiments.cell.normalization import ObservationNormalizer
from experiments.cell.oracle import finite_mdp
from experiments.cell.run import Run
from experiments.cell.streams import numpy_stream
from experiments.identity import code_of, library_versions
from experiments.landscape.exact import ExactGround
from experiments.landscape.ground import Ground
from experiments.landscape.sampled import SampledGround
from experiments.landscape.survey import Survey
from experiments.records import LandscapeLineRow, LandscapePlaneRow, LandscapeRow, PolicyRow, array_of, frame
from experiments.spec import RunSpec


@dataclass(frozen=True, kw_only=True)
class Options:
    """How far to look, and how closely."""

    radius: float = 0.02
    """nats of mean KL(old || new): the trust region"""
    cg_iterations: int = Natural().cg_iterations
    """of the natural direction, (F + damping I)^-1 g"""
    damping: float = Natural().damping
    """of the same; the rules' own by default, nearly none shows F^-1 g itself"""
    span: float = 4.0
    """how far to look ahead on a line, in steps to the radius; behind, it is one"""
    points: int = 81
    """on each line"""
    plane_span: float = 2.0
    """how far to look on the plane, in extents of the KL ellipse"""
    plane_points: int = 41
    """in each direction of the plane"""
    batch_size: int = 65_536
    """environment steps behind surrogate and KL, where they are sampled"""
    episodes: int = 64
    """behind each return, where it is sampled"""

    def check(self) -> None:
        """Raises ValueError, in terms of the command's options."""
        for name, least in (
            ("cg_iterations", 1),
            ("points", 3),
            ("plane_points", 3),
            ("batch_size", 2),
            ("episodes", 2),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"--{name.replace('_', '-')} must be at least {least}, got {getattr(self, name)}")
        for name in ("radius", "span", "plane_span"):
            if not getattr(self, name) > 0:
                raise ValueError(f"--{name.replace('_', '-')} must be positive, got {getattr(self, name)}")
        if not self.damping >= 0:
            raise ValueError(f"--damping must not be negative, got {self.damping}")


def measure_landscape(
    spec: RunSpec, steps: int, options: Options | None = None
) -> tuple[LandscapeRow, pd.DataFrame, pd.DataFrame]:
    """What the policy of a cell has around it after `steps` training steps; the cell is trained here, that far.

    What is common to the landscape, a row per point on a line (LandscapeLineRow), and one per point of the plane
    (LandscapePlaneRow): what `analysis.plots.landscape` draws. Raises ValueError for options that make no sense and
    where no direction can be had, and what training raises.
    """
    options = options or Options()
    options.check()
    policy = early_policy(spec, steps)
    with closing(ground_of(spec, policy, options)) as ground:
        common, lines, plane = look_around(spec, policy, ground, options)
    return common, frame(LandscapeLineRow, lines), frame(LandscapePlaneRow, plane)


def early_policy(spec: RunSpec, steps: int) -> PolicyRow:
    """The policy that the cell has after the first update at or after `steps` training steps, trained here.

    Raises ValueError for more steps than the cell has, and what training raises.
    """
    if not 0 <= steps <= spec.budget:
        raise ValueError(f"--at-steps must lie between 0 and the cell's budget, {spec.budget}, got {steps}")
    run = Run(spec)
    with closing(run):
        for _ in run.rows(lambda: None):
            if run.env_steps >= steps:
                break
        return run.policy_row()


def ground_of(spec: RunSpec, policy: PolicyRow, options: Options) -> Ground:
    """Exact where the environment publishes its table."""
    theta = torch.from_numpy(array_of(policy.theta)).float()
    mean, std = array_of(policy.obs_mean), array_of(policy.obs_std)
    normalizer = ObservationNormalizer.of(mean, std, spec.settings.normalize_obs)
    mdp = finite_mdp(spec.environment, spec.env_kwargs, spec.settings.gamma, spec.wrappers)
    if mdp is None:
        return SampledGround(spec, theta, normalizer, options.batch_size, options.episodes)
    with closing(Run(spec)) as run:
        return ExactGround(mdp, run.policy, theta, torch.from_numpy(normalizer(np.eye(len(mean)))))


def look_around(
    spec: RunSpec, policy: PolicyRow, ground: Ground, options: Options
) -> tuple[LandscapeRow, list[LandscapeLineRow], list[LandscapePlaneRow]]:
    """The rows of the three tables. Raises ValueError where no direction can be had."""
    stream = numpy_stream(spec.seed, "landscape direction")
    survey = Survey(ground, options.radius, options.cg_iterations, options.damping, stream)
    natural = survey.directions["natural"]
    x, y = (float(natural @ axis) for axis in survey.axes())
    common = LandscapeRow(
        run_id=spec.run_id,
        env=spec.env,
        label=spec.label,
        seed=spec.seed,
        env_steps=policy.env_steps,
        exact=ground.exact,
        gamma=spec.settings.gamma,
        rows=ground.rows,
        episodes=ground.episodes,
        radius=options.radius,
        beta=survey.beta,
        penalty=ground.penalty,
        damping=options.damping,
        cg_iterations=survey.solution.iterations,
        cg_residual=survey.solution.residual,
        ball=float(survey.directions["gradient"].norm()),
        natural_x=x,
        natural_y=y,
        code=code_of(spec).digest,
        versions=library_versions(),
    )
    lines = list(survey.lines(options.points, options.span))
    return common, lines, list(survey.plane(options.plane_points, options.plane_span))
