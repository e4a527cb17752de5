"""What running a cell through the engine costs beyond the cell: start, supervision, transport, live display."""

import io
import time
from typing import Any

from rich.console import Console

from experiments.cell.train import train
from experiments.engines import Beat, Conditions, Started
from experiments.engines.cluster import DaskEngine
from experiments.progress import LiveProgress
from experiments.spec import RunSpec, Settings, hyper_parameters
from experiments.tally import Tally


def spec_of(budget: int, seed: int) -> RunSpec:
    hyper = {name: p.default for name, p in hyper_parameters("trpo").items()}
    return RunSpec(
        env="HalfCheetah-v5", env_kwargs={}, rule="trpo", label="trpo", hyper=hyper, seed=seed, budget=budget,
        settings=Settings(evaluations=10, eval_episodes=2, final_episodes=2),
    )  # fmt: skip


def through_the_engine(engine: DaskEngine, spec: RunSpec) -> tuple[float, float]:
    """(seconds, CPU seconds of this process: engine, transport and live display)."""
    wall, cpu = time.perf_counter(), time.process_time()
    engine.submit([spec])
    with LiveProgress(Tally([spec]), Console(file=io.StringIO(), force_terminal=True)) as progress:
        for event in engine.events():
            progress.take(event)
    return time.perf_counter() - wall, time.process_time() - cpu


def test_overhead_of_a_cell(benchmark: Any) -> None:
    """`seconds`: the engine's time for a cell less that of `train` in this process, median of alternating pairs."""
    benchmark.group = "overhead"
    engine = DaskEngine(Conditions(jobs=1))
    through_the_engine(engine, spec_of(20_480, 0))  # starts the fork server
    pairs = []

    def pair() -> None:
        spec = spec_of(1_024_000, len(pairs))  # about a minute
        start = time.perf_counter()
        list(train(spec))
        inside = time.perf_counter() - start
        pairs.append((inside, *through_the_engine(engine, spec)))

    benchmark.pedantic(pair, rounds=3)
    engine.close()
    inside, outside, cpu = sorted(pairs, key=lambda p: p[1] - p[0])[1]
    benchmark.extra_info.update(
        seconds=outside - inside, share=(outside - inside) / inside, cell_s=inside, driver_cpu_share=cpu / outside
    )


def test_overhead_of_the_display(benchmark: Any) -> None:
    """`share`: of a core, by the live display of two running cells that beat twice a second."""
    benchmark.group = "overhead"
    specs = [spec_of(1_024_000, seed) for seed in (0, 1)]
    clocks: list[tuple[float, float]] = []

    def watch() -> None:
        with LiveProgress(Tally(specs), Console(file=io.StringIO(), force_terminal=True)) as progress:
            for spec in specs:
                progress.take(Started(spec))
            for beat in range(11):
                clocks.append((time.process_time(), time.perf_counter()))
                for spec in specs:
                    progress.take(Beat(spec, 2_048 * beat, 12.0))
                time.sleep(0.5)

    benchmark.pedantic(watch, rounds=1)
    cpu, wall = (after - before for before, after in zip(clocks[0], clocks[-1], strict=True))
    benchmark.extra_info.update(share=cpu / wall)
