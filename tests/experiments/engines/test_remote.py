"""A scheduler and two workers as processes of their own, sharing nothing but the network."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from test_cluster import ends, outcomes, run

from experiments.engines import Beat, Conditions, Ended, Inline
from experiments.engines.cluster import DaskEngine

DASK = [sys.executable, "-m", "dask"]


@pytest.fixture
def cluster(tmp_path):
    """(the scheduler's file, the two workers); all of them are stopped in the end."""
    file = tmp_path / "scheduler.json"
    started = []

    def start(name, *line):
        folder = tmp_path / name
        folder.mkdir()
        log = (folder / "log").open("w")
        process = subprocess.Popen([*DASK, *map(str, line)], cwd=folder, stdout=log, stderr=log)
        log.close()
        started.append(process)
        return process

    start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file)
    until = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < until, (tmp_path / "scheduler" / "log").read_text()
        time.sleep(0.1)
    flags = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--scheduler-file", file)
    workers = [start(f"worker{n}", "worker", *flags, "--local-directory", tmp_path / f"worker{n}") for n in (0, 1)]
    yield file, workers
    for process in reversed(started):
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.wait()


@pytest.fixture
def engine(cluster):
    made = DaskEngine(Conditions(), scheduler_file=cluster[0])
    yield made
    made.close()


def test_rows_and_logs_come_back_without_shared_files(engine, cluster, tmp_path, make_spec):
    specs = [make_spec(env, seed=s) for env in ("CartPole-v1", "Pendulum-v1") for s in (0, 1)]
    events = run(engine, specs)
    assert outcomes(events) == outcomes(run(Inline(), specs))
    assert all(run.jobs == 1 for run in ends(events).values())
    kept = [path for n in (0, 1) for path in (tmp_path / f"worker{n}").rglob("*.log")]
    assert len(kept) == 4, "each worker wrote into a folder of its own"


def test_a_worker_that_is_killed_in_mid_cell_costs_no_cell(engine, cluster, make_spec):
    specs = [make_spec("Pendulum-v1", budget=6_400, evaluations=4, seed=s) for s in (0, 1, 2)]
    engine.submit(specs)
    ended, killed = [], None
    for event in engine.events():
        if isinstance(event, Beat) and event.env_steps and killed is None:
            killed = cluster[1][0]
            cells = psutil.Process(killed.pid).children(recursive=True)
            assert cells
            os.kill(killed.pid, signal.SIGKILL)
            assert not psutil.wait_procs(cells, timeout=10)[1], "its cells die with it"
        if isinstance(event, Ended):
            ended.append(event)
    assert killed is not None and {run.status for run in ends(ended).values()} == {"ok"}
    assert outcomes(ended) == outcomes(run(Inline(), specs))


def test_a_pause_reaches_the_workers(engine, make_spec):
    specs = [make_spec("Pendulum-v1", budget=64_000, evaluations=100, checkpoint_every=640, seed=s) for s in range(3)]
    engine.submit(specs)
    for event in engine.events():
        if isinstance(event, Beat) and event.env_steps:
            engine.pause()
            break
    assert {run.status for run in ends(engine.events()).values()} == {"paused"}


def test_the_files_for_clusters_name_what_there_is(tmp_path):
    folder = Path(__file__).parents[3] / "experiments" / "clusters"
    script = (folder / "slurm" / "workers.sbatch").read_text()
    assert subprocess.run(["bash", "-n", folder / "slurm" / "workers.sbatch"], check=False).returncode == 0
    assert "--no-nanny" in script and "--requeue" in script
