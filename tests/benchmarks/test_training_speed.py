"""How fast a cell trains, as a share of what the simulator alone could do in the same process and minute."""

import pytest

from experiments.profile_cell import Arguments, profile, spec_for


@pytest.mark.benchmark(group="training")
@pytest.mark.parametrize(
    "env", ["HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "CartPole-v1", "Pendulum-v1", "Acrobot-v1"]
)
def test_trpo_training_rate_against_the_simulator(benchmark, env, capsys):
    """64x64 tanh, batch 2048, 16 environments: updates with everything but evaluation in them."""
    spec = spec_for(Arguments("trpo", env, updates=15))
    found = benchmark.pedantic(lambda: profile(spec, updates=15), rounds=1)
    benchmark.extra_info.update(
        ratio=found.ratio, steps_per_s=found.steps_per_s, simulator_steps_per_s=found.simulator_steps_per_s, threads=1
    )
    with capsys.disabled():
        speeds = f"{found.steps_per_s:,.0f} of {found.simulator_steps_per_s:,.0f} steps/s"
        print(f"\n{env}: trains at {found.ratio:.2f} of the simulator alone ({speeds})")
