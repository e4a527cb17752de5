"""Seconds of a whole cell of a million steps, evaluation included: `trpo`, measured on a tenth of it.

What grows with training steps is scaled by them, evaluation by its episodes. Seconds are CPU seconds: phases' shares of
the wall clock, of the process's CPU time.
"""

from typing import Any

import pytest

from experiments.cell.train import train
from experiments.named_cell import cell_of
from experiments.records import PHASES, EvaluationRow, RunRow
from experiments.spec import Settings, altered

BUDGET = 1_000_000
TENTH = Settings(evaluations=2, final_episodes=20, eval_mean="never")


@pytest.mark.parametrize("env", ["HalfCheetah-v5", "Hopper-v5", "CartPole-v1"])
def test_seconds_of_a_cell(benchmark: Any, env: str) -> None:
    benchmark.group = "cell of 1,000,000 steps"
    spec = altered(cell_of("trpo", env), settings=TENTH, budget=BUDGET // 10)
    rows = benchmark.pedantic(lambda: list(train(spec)), rounds=1)
    run = rows[-1]
    assert isinstance(run, RunRow) and run.status == "ok"
    played = sum(row.episodes for row in rows if isinstance(row, EvaluationRow))
    usual, of_the_cpu = Settings(), run.cpu_s / run.total_s
    on_the_grid = (usual.evaluations + 1) * usual.eval_episodes
    an_episode = run.evaluation_s / played * of_the_cpu
    evaluation = {
        "never": an_episode * (on_the_grid + usual.final_episodes),
        "final": an_episode * (on_the_grid + 2 * usual.final_episodes),
        "always": an_episode * 2 * (on_the_grid + usual.final_episodes),
    }
    scaled = {
        phase: getattr(run, phase) * of_the_cpu * BUDGET / run.env_steps
        for phase in PHASES
        if phase not in ("compile_s", "evaluation_s")
    }
    benchmark.extra_info.update(
        seconds=scaled, evaluation=evaluation, compile_s=run.compile_s, load=run.load, measured_steps=run.env_steps
    )
