"""A stage: a policy on its way, the batch that it learns from next, and episodes that no rule sees."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from algos.types import COLUMNS, Batch
from experiments.cell.checkpoint import load, save
from experiments.cell.run import Run
from experiments.cell.streams import global_generators, integer_seed
from experiments.identity import PIPELINE, code_of, code_of_parts, library_versions
from experiments.spec import RunSpec, altered

HELD_OUT = 8  # batches: with 16 environments and 2,048 rows, episodes of 1,000 steps from start to end
MODULES = (*PIPELINE, "experiments.forks.fork")  # whose imports the numbers of a fork depend on


def code_of_fork(trunk: RunSpec, rule: str) -> str:
    """Digest of the code behind what a rule makes of this trunk's batches."""
    return (code_of(trunk, MODULES) | code_of_parts(rule, trunk.environment, trunk.env_kwargs, MODULES)).digest


@dataclass(frozen=True)
class Stage:
    """All of it is on the CPU. Advantages of both batches are in the same unit, and come from the same critic."""

    env_steps: int  # of training before the batch
    theta: Tensor  # [P]
    moments: dict[str, Any]  # of the observation normaliser under which the policy acted
    reward_scale: float  # what the rewards were divided by
    batch: Batch
    held_out: Batch


class Recorder:
    """A rule that keeps the batch it was given last."""

    def __init__(self, rule: Any) -> None:
        self.rule = rule
        self.batch: Batch | None = None

    def update(self, state: Any, batch: Batch) -> Any:
        self.batch = batch
        return self.rule.update(state, batch)


def stage_steps(steps: Iterable[int], batch_size: int) -> list[int]:
    """The environment steps at which a run can be stopped: whole batches, each once, ascending."""
    return sorted({-(-step // batch_size) * batch_size for step in steps})


def reach(spec: RunSpec, steps: list[int], folder: Path) -> Iterator[Stage]:
    """The trunk's stages at `steps` (of `stage_steps`): read from `folder`, or made and stored there.

    Where one is missing, the trunk is trained from the start, without a break and the same each time: which other
    stages there are, and how often it was interrupted, cannot change it. Raises what training raises.
    """
    with closing(Run(spec)) as run:
        rule, recorder = run.rule, Recorder(run.rule)
        for at in steps:
            file = folder / f"{spec.run_id}-{at}.stage"
            made_by = [spec.run_id, at, code_of(spec, MODULES).digest, library_versions()]
            kept = load(file, made_by, rule)
            if kept is not None:
                yield Stage(**kept["stage"])
                continue
            run.rule = recorder
            while run.env_steps < at:
                list(run.step())
            stage = _take(run, recorder)
            save(file, made_by, {"stage": {name: getattr(stage, name) for name in Stage.__annotations__}})
            yield stage


@torch.no_grad()
def _take(run: Run, recorder: Recorder) -> Stage:
    """The stage where the run stands. The run makes its own update with the batch, and can go on."""
    moments, rewards = run.collector.normalizer.moments.state(), run.scaler.moments.state()
    env_steps, theta, critic = run.env_steps, run.state.theta, run.critic_state
    list(run.step())
    assert recorder.batch is not None
    batch = recorder.batch
    unit = batch.advantage_scale * run.scaler.scale
    seed = integer_seed(run.spec.seed, f"held-out episodes at {env_steps}")
    parts = []
    with global_generators(seed, "cell"), closing(Run(altered(run.spec, seed=seed))) as other:
        other.state, other.critic_state = other.rule.init(theta), critic
        other.scaler.moments.restore(rewards)
        for _ in range(HELD_OUT):
            other.collector.normalizer.restore(moments)  # it would move on, and the policy with it
            part, _, _ = other.estimate(other.collector.collect(theta))
            part_unit = part.advantage_scale * other.scaler.scale
            parts.append(replace(part, advantages=part.advantages * (part_unit / unit)))
    whole: dict[str, Any] = {name: torch.cat([getattr(part, name) for part in parts]) for name in COLUMNS}
    held_out = replace(batch, **whole)
    return Stage(env_steps, theta.cpu(), moments, run.scaler.scale, batch.to("cpu"), held_out.to("cpu"))
