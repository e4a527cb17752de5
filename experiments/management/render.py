"""Renders a video of a finished policy."""

import os
from pathlib import Path
from typing import Any

import torch

from experiments.management.inspect import NotFound, find, kept_policy
from experiments.management.specification import specification
from experiments.management.video import require_format, write_video
from experiments.records import array_of


def render(results: Path, part: str, out: Path | None, steps: int, seed: int, allowed: tuple[str, ...]) -> int:
    """Write the video and print its path. Raises NotFound if the cell has no policy or cannot be rendered."""
    os.environ.setdefault("MUJOCO_GL", "egl")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # it would look for a screen, and complain where there is none
    from experiments.cell.actor import Actor
    from experiments.cell.gym_environments import GymEnvironments
    from experiments.cell.networks import policy_of
    from experiments.cell.normalization import ObservationNormalizer
    from experiments.cell.spaces import make_environment

    if out is not None:
        require_format(out)
    cell = find(results, part)
    if cell.run is None or cell.run.status != "ok":
        raise NotFound(f"{cell.name} ({cell.state}) has no policy to show; only a cell that ended ok keeps its last")
    spec = specification(cell, allowed)
    kept = kept_policy(results, cell)
    try:
        flat, kwargs = spec.settings.flat_observations, {**spec.env_kwargs, "render_mode": "rgb_array"}
        env = make_environment(spec.environment, kwargs, spec.wrappers, flat)
    except Exception as error:  # whatever an environment's constructor raises
        raise NotFound(f"{spec.env} cannot be drawn here: {error}") from error
    environments = GymEnvironments([env], spec.settings.action_distribution)
    policy = policy_of(spec.settings, environments.observations, environments.family)
    actor = Actor(policy, torch.from_numpy(array_of(kept.theta)).float())
    normalizer = ObservationNormalizer.of(array_of(kept.obs_mean), array_of(kept.obs_std), spec.settings.normalize_obs)
    frames: list[Any] = []
    total = 0.0
    try:
        obs = environments.reset(0, seed)
        for _ in range(steps):
            frames.append(env.render())
            action = actor.mode(normalizer(obs[None]))
            (obs,), (reward,), (terminated,), (truncated,) = environments.step(environments.inside(action), [0])
            total += float(reward)
            if terminated or truncated:
                break
    except Exception as error:  # a renderer that is not there, in as many ways as there are environments
        raise NotFound(f"{spec.env} cannot be drawn here: {error}") from error
    finally:
        env.close()
    target = out or results / f"{spec.run_id}.webp"
    write_video(target, frames, env.metadata.get("render_fps", 30))
    print(f"{target}: {len(frames)} steps, return {total:.1f}")
    return 0
