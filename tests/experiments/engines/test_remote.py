"""A scheduler and two workers as processes of their own, sharing nothing but the network."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import dask
import psutil
import pytest
import yaml
from test_cluster import ends, outcomes, run

from experiments.engines import Beat, Conditions, Ended, EngineError, Inline
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


CLUSTERS = Path(__file__).parents[3] / "experiments" / "clusters"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make certificates with")
def test_with_tls_a_driver_without_the_certificate_is_turned_away(tmp_path):
    subprocess.run([CLUSTERS / "make_certificates.sh"], cwd=tmp_path, check=True, capture_output=True)
    file = tmp_path / "scheduler.json"
    line = [*DASK, "scheduler", "--host", "127.0.0.1", "--port", "0", "--protocol", "tls", "--no-dashboard"]
    environment = {**os.environ, "DASK_CONFIG": str(tmp_path / "dask.yaml")}
    with (tmp_path / "log").open("w") as log:
        scheduler = subprocess.Popen(
            [*line, "--scheduler-file", str(file)], env=environment, cwd=tmp_path, stdout=log, stderr=log
        )
    try:
        until = time.monotonic() + 60
        while not file.exists():
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.1)
        assert '"tls://' in file.read_text()
        with pytest.raises(EngineError, match="does not answer: TLS expects"):
            DaskEngine(Conditions(), scheduler_file=file)
        tls = yaml.safe_load((tmp_path / "dask.yaml").read_text())["distributed"]["comm"]["tls"]
        with dask.config.set({f"distributed.comm.tls.{name}": value for name, value in tls.items()}):
            DaskEngine(Conditions(), scheduler_file=file).close()
    finally:
        scheduler.kill()
        scheduler.wait()


def test_the_script_for_slurm_is_good_bash_and_its_workers_may_have_children():
    script = CLUSTERS / "slurm" / "workers.sbatch"
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert "--no-nanny" in script.read_text() and "--requeue" in script.read_text()


def test_the_deployment_for_kubernetes_is_yaml_whose_workers_may_have_children():
    documents = list(yaml.safe_load_all((CLUSTERS / "kubernetes" / "policy-ascent.yaml").read_text()))
    commands = {d["metadata"]["name"]: d["spec"]["template"]["spec"]["containers"][0]["command"]
                for d in documents if d["kind"] == "Deployment"}  # fmt: skip
    assert "--no-nanny" in commands["policy-ascent-worker"] and "tls" in commands["policy-ascent-scheduler"]
