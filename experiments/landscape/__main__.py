"""Look around one policy of a cell: return, surrogate, models and bounds along three directions and on a plane.

    python -m experiments.landscape results/quick trpo-Pendulum-v1-seed0           its last policy
    python -m experiments.landscape results/quick trpo-Cart --at-steps 5000        trained again, so far
    python -m analysis.landscape results/quick/landscapes/CELL                     the figures

CELL is a cell's name or a part of it. Exact where the environment publishes its table (gymnasium's toy-text), from a
batch and from episodes elsewhere. Exit code: 0, or 2 for bad input.
"""

import io
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from algos.ascent.directions import Natural
from experiments import console
from experiments.cell.failures import Diverged, RuleFailed
from experiments.cell.normalization import ObservationNormalizer
from experiments.cell.oracle import finite_mdp
from experiments.cell.run import Run
from experiments.cell.streams import numpy_stream
from experiments.identity import code_of, library_versions
from experiments.landscape.exact import ExactGround
from experiments.landscape.ground import Ground
from experiments.landscape.sampled import SampledGround
from experiments.landscape.survey import Survey
from experiments.management.inspect import NotFound, Planned, find, kept_policy
from experiments.management.specification import specification
from experiments.records import (
    PROTOCOL,
    LandscapeLineRow,
    LandscapePlaneRow,
    LandscapeRow,
    PolicyRow,
    Table,
    array_of,
    frame,
    write_atomically,
)
from experiments.spec import RunSpec


@dataclass(frozen=True)
class Arguments:
    results: tyro.conf.Positional[Path]
    """a results directory that run_matrix.py wrote"""
    cell: tyro.conf.Positional[str]
    """a cell's name or a part of it"""
    at_steps: int | None = None
    """take the policy after so many training steps: the cell is trained again that far (default: its last policy)"""
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
    out: Path | None = None
    """folder (default: landscapes/CELL in the results directory)"""
    allow: tuple[str, ...] = ()
    """files of rules and modules of environments that the cell may run: a manifest alone makes nothing run"""


def main(arguments: Arguments) -> int:
    """The exit code."""
    torch.set_num_threads(1)
    try:
        _check(arguments)
        cell = find(arguments.results, arguments.cell)
        spec = specification(cell, arguments.allow)
        policy = last_policy(arguments.results, cell) if arguments.at_steps is None else early_policy(spec, arguments)
        out = arguments.out or arguments.results / "landscapes" / spec.run_id
        with closing(ground_of(spec, policy, arguments)) as ground:
            write(out, *look_around(spec, policy, ground, arguments))
    except (NotFound, ValueError, OSError, Diverged, RuleFailed) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{out}: draw it with python -m analysis.landscape {out}")
    return 0


def _check(arguments: Arguments) -> None:
    for name, least in (("cg_iterations", 1), ("points", 3), ("plane_points", 3), ("batch_size", 2), ("episodes", 2)):
        if getattr(arguments, name) < least:
            raise ValueError(f"--{name.replace('_', '-')} must be at least {least}, got {getattr(arguments, name)}")
    for name in ("radius", "span", "plane_span"):
        if not getattr(arguments, name) > 0:
            raise ValueError(f"--{name} must be positive, got {getattr(arguments, name)}")
    if not arguments.damping >= 0:
        raise ValueError(f"--damping must not be negative, got {arguments.damping}")


def last_policy(results: Path, cell: Planned) -> PolicyRow:
    """The policy that a finished cell ended with. Raises NotFound."""
    if cell.run is None or cell.run.status != "ok":
        raise NotFound(
            f"{cell.plan['run_id']} ({cell.state}) has no last policy; only a cell that ended ok keeps one. Name an "
            "earlier policy with --at-steps"
        )
    return kept_policy(results, cell)


def early_policy(spec: RunSpec, arguments: Arguments) -> PolicyRow:
    """The policy that the cell has after the first update at or after `at_steps` training steps, trained again.

    Raises ValueError for more steps than the cell has, and what training raises.
    """
    wanted = arguments.at_steps
    if wanted is None or not 0 <= wanted <= spec.budget:
        raise ValueError(f"--at-steps must lie between 0 and the cell's budget, {spec.budget}, got {wanted}")
    run = Run(spec)
    with closing(run):
        for _ in run.rows(lambda: None):
            if run.env_steps >= wanted:
                break
        return run.policy_row()


def ground_of(spec: RunSpec, policy: PolicyRow, arguments: Arguments) -> Ground:
    """Exact where the environment publishes its table."""
    theta = torch.from_numpy(array_of(policy.theta)).float()
    mean, std = array_of(policy.obs_mean), array_of(policy.obs_std)
    normalizer = ObservationNormalizer.of(mean, std, spec.settings.normalize_obs)
    mdp = finite_mdp(spec.environment, spec.env_kwargs, spec.settings.gamma, spec.wrappers)
    if mdp is None:
        return SampledGround(spec, theta, normalizer, arguments.batch_size, arguments.episodes)
    with closing(Run(spec)) as run:
        return ExactGround(mdp, run.policy, theta, torch.from_numpy(normalizer(np.eye(len(mean)))))


def look_around(
    spec: RunSpec, policy: PolicyRow, ground: Ground, arguments: Arguments
) -> tuple[LandscapeRow, list[LandscapeLineRow], list[LandscapePlaneRow]]:
    """The rows of the three tables. Raises ValueError where no direction can be had."""
    stream = numpy_stream(spec.seed, "landscape direction")
    survey = Survey(ground, arguments.radius, arguments.cg_iterations, arguments.damping, stream)
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
        radius=arguments.radius,
        beta=survey.beta,
        penalty=ground.penalty,
        damping=arguments.damping,
        cg_iterations=survey.solution.iterations,
        cg_residual=survey.solution.residual,
        ball=float(survey.directions["gradient"].norm()),
        natural_x=x,
        natural_y=y,
        code=code_of(spec).digest,
        versions=library_versions(),
    )
    bound = "" if isnan(ground.penalty) else f", C {ground.penalty:.3g}"
    print(
        f"{spec.run_id} after {policy.env_steps:,} steps: discounted return {survey.here:.4g}, beta {survey.beta:.3g}"
        f"{bound}\nsteps to the radius: gradient |d| {common.ball:.3g}, natural {float(natural.norm()):.3g} "
        f"(residual {common.cg_residual:.1e})",
        flush=True,
    )
    lines = list(survey.lines(arguments.points, arguments.span))
    return common, lines, list(survey.plane(arguments.plane_points, arguments.plane_span))


def write(
    folder: Path, common: LandscapeRow, lines: Sequence[LandscapeLineRow], plane: Sequence[LandscapePlaneRow]
) -> None:
    """landscape.parquet (one row), lines.parquet and plane.parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    tables: list[tuple[type[Table], Sequence[Any]]] = [
        (LandscapePlaneRow, plane),
        (LandscapeLineRow, lines),
        (LandscapeRow, [common]),
    ]
    for kind, rows in tables:
        sink = io.BytesIO()
        frame(kind, list(rows)).assign(protocol=PROTOCOL).to_parquet(sink, index=False, compression="zstd")
        write_atomically(folder / f"{kind.table}.parquet", sink.getvalue())


if __name__ == "__main__":
    sys.exit(console.run(main, Arguments, __doc__))
