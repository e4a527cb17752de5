"""What a training update costs as batch, network and environments grow: the rows of the scale figure; jobs and memory.

`trpo` on HalfCheetah-v5; the base case is batch 2,048, 64x64 and 16 environments, every other case departs from it in
one respect. `extra_info` holds rows of microseconds per environment step: of the whole update, and of the
rollout.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments.profile_cell import Arguments, profile, spec_for
from experiments.spec import RunSpec

AXES = {
    "batch": (1024, 2048, 4096, 16384, 65536),
    "width": (64, 128, 256, 512, 1024),
    "environments": (1, 4, 16, 64),
}


def spec_of(axis: str, value: int) -> RunSpec:
    arguments = Arguments("trpo", "HalfCheetah-v5", updates=2)
    if axis == "batch":
        return spec_for(replace(arguments, batch_size=value))
    if axis == "environments":
        return spec_for(replace(arguments, n_envs=value))
    spec = spec_for(arguments)
    return spec.model_copy(update={"settings": spec.settings.model_copy(update={"hidden": (value, value)})})


@pytest.mark.parametrize(("axis", "value"), [(axis, value) for axis, values in AXES.items() for value in values])
def test_cost_of_an_environment_step(benchmark: Any, axis: str, value: int) -> None:
    benchmark.group = f"scale: {axis}"
    spec = spec_of(axis, value)
    updates = max(2, 8192 // spec.settings.batch_size)
    found = benchmark.pedantic(lambda: profile(spec, updates, calibration_steps=2000), rounds=1)
    steps = spec.settings.batch_size
    row = {
        "axis": axis,
        "value": value,
        "microseconds": 1e6 * found.total / steps,
        "rollout_microseconds": 1e6 * found.seconds["rollout_s"] / steps,
    }
    benchmark.extra_info.update(rows=[row], ratio=found.ratio)


def with_jobs(jobs: int) -> dict[str, float]:
    """A row of the figure from `jobs` processes side by side, each training a cell of its own."""
    code = (
        "from experiments.profile_cell import *; torch.set_num_threads(1); "
        "found = profile(spec_for(Arguments('trpo', 'HalfCheetah-v5', updates=20)), 20, 1); "
        "print(found.total / 2048, found.seconds['rollout_s'] / 2048)"
    )
    with ThreadPoolExecutor(jobs) as pool:
        runs = [pool.submit(subprocess.check_output, [sys.executable, "-c", code], text=True) for _ in range(jobs)]
        seconds = np.array([[float(number) for number in run.result().split()] for run in runs])
    whole, rollout = 1e6 / (1 / seconds).sum(0)  # rates add up, and a step costs the inverse of their sum
    return {"value": jobs, "microseconds": whole, "rollout_microseconds": rollout}


def test_throughput_of_two_jobs(benchmark: Any) -> None:
    """Both cores of a small machine: `throughput` is that of two jobs over that of one."""
    benchmark.group = "scale: jobs"
    pairs: list[tuple[dict[str, float], dict[str, float]]] = []
    benchmark.pedantic(lambda: pairs.append((with_jobs(1), with_jobs(2))), rounds=3)
    pairs.sort(key=lambda pair: pair[0]["microseconds"] / pair[1]["microseconds"])
    lowest, middle, highest = (alone["microseconds"] / both["microseconds"] for alone, both in pairs)
    rows = [{"axis": "jobs", **row} for row in pairs[1]]
    benchmark.extra_info.update(rows=rows, throughput=middle, lowest=lowest, highest=highest)


def test_memory_of_a_large_batch(benchmark: Any) -> None:
    """Peak resident memory of a process that trains one update of 50,000 steps on Humanoid-v5 (348 observations)."""
    benchmark.group = "memory"
    code = (
        "from experiments.profile_cell import *; from experiments.cell.run import Run; torch.set_num_threads(1); "
        "run = Run(spec_for(Arguments('trpo', 'Humanoid-v5', updates=1, batch_size=50_000, n_envs=50))); "
        "list(run.step()); import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peak = benchmark.pedantic(lambda: int(subprocess.check_output([sys.executable, "-c", code], text=True)), rounds=1)
    benchmark.extra_info.update(peak_mib=peak / 1024)
    assert peak < 2 * 1024 * 1024, f"{peak / 1024:.0f} MiB, expected less than 2 GiB"
