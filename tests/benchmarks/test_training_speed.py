"""How fast a cell trains, as a share of what the simulator alone could do in the same process and minute."""

import time

import mujoco
import numpy as np
import pytest

from experiments.cell.environments import make_environment
from experiments.cell.train import Run
from experiments.spec import RunSpec, Settings, hyper_parameters


def mj_step_rate(env: str, steps: int) -> float:
    """Environment steps per second of bare `mj_step` with the task's frame skip and random controls, one thread."""
    bare = make_environment(env, {}).unwrapped
    bare.reset(seed=0)
    controls = np.random.default_rng(0).uniform(-1, 1, (steps, bare.model.nu))
    start = time.perf_counter()
    for control in controls:
        bare.data.ctrl[:] = control
        mujoco.mj_step(bare.model, bare.data, nstep=bare.frame_skip)
    return steps / (time.perf_counter() - start)


@pytest.mark.benchmark(group="training")
@pytest.mark.parametrize("env", ["HalfCheetah-v5", "Hopper-v5"])
def test_trpo_training_rate_against_bare_mj_step(benchmark, env, capsys):
    """64x64 tanh, batch 2048, 16 environments: one update, everything but evaluation included."""
    hyper = {name: p.default for name, p in hyper_parameters("trpo").items()}
    spec = RunSpec(
        env=env, env_kwargs={}, rule="trpo", label="trpo", hyper=hyper, seed=0, budget=1_000_000, settings=Settings()
    )
    run = Run(spec)
    list(run.step())
    bare, rates = [], []

    def update():
        bare.append(mj_step_rate(env, 4000))
        start = time.perf_counter()
        list(run.step())
        rates.append(spec.settings.batch_size / (time.perf_counter() - start))

    benchmark.pedantic(update, rounds=15)
    ratio = float(np.median(np.array(rates) / np.array(bare)))
    benchmark.extra_info.update(
        ratio_to_mj_step=ratio, steps_per_s=float(np.median(rates)), mj_steps_per_s=float(np.median(bare)), threads=1
    )
    with capsys.disabled():
        speeds = f"{np.median(rates):,.0f} of {np.median(bare):,.0f} steps/s"
        print(f"\n{env}: trains at {ratio:.2f} of bare mj_step ({speeds})")
