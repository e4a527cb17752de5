"""A scheduler and two workers as processes of their own, sharing nothing but the network."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from threading import Timer

import dask
import kubernetes_validate
import psutil
import pytest
import yaml
from cell_processes import cells_alive, kill_all
from test_cluster import ends, outcomes, pauses, run

from experiments.engines import Beat, Conditions, Ended, EngineError, Inline
from experiments.engines.cluster import DaskEngine
from experiments.identity import code_of
from experiments.spec import altered

DASK = [sys.executable, "-m", "dask"]


class Cluster:
    """Dask's own commands, each with a folder of its own; the workers have one thread."""

    def __init__(self, folder: Path, environment: dict[str, str], *scheduler: str) -> None:
        self._folder, self._started = folder, []
        self.environment, self.flags = environment, ()  # of what is started from now on; flags of workers
        self.file = folder / "scheduler.json"
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", self.file, *scheduler)
        until = time.monotonic() + 60
        while not self.file.exists():
            assert time.monotonic() < until, self.logs()
            time.sleep(0.1)
        self.workers: list[subprocess.Popen[bytes]] = []

    def have_workers(self, wanted: int) -> None:
        """As many as are missing are started."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < wanted:
            flags = ("--nthreads", "1", "--no-nanny", "--scheduler-file", self.file, *self.flags)
            self.workers.append(self._start("worker", *flags, "--local-directory", "."))

    def _start(self, kind: str, *flags: object) -> "subprocess.Popen[bytes]":
        folder = self._folder / f"{kind}{len(self._started)}"
        folder.mkdir()
        with (folder / "log").open("w") as log:
            line = [*DASK, kind, "--no-dashboard", *map(str, flags)]
            self._started.append(
                subprocess.Popen(line, cwd=folder, stdout=log, stderr=log, env=os.environ | self.environment)
            )
        return self._started[-1]

    def kill_scheduler(self) -> None:
        self._started[0].kill()
        self._started[0].wait()

    def stop_workers(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()

    def logs(self) -> str:
        return "\n".join(f"{log}:\n{log.read_text()}" for log in self._folder.glob("*/log"))

    def stop(self) -> None:
        for process in reversed(self._started):
            if process.poll() is None:
                kill_all(process.pid)
            process.wait()


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("cluster"), {})
    yield made
    made.stop()


@pytest.fixture
def cluster(shared_cluster):
    """A scheduler and two workers that live."""
    shared_cluster.have_workers(2)
    return shared_cluster


@pytest.fixture
def engine(cluster):
    made = DaskEngine(Conditions(), scheduler_file=cluster.file)
    yield made
    made.close()


def test_a_pause_reaches_a_worker_that_joins_later(shared_cluster, make_spec):
    shared_cluster.stop_workers()
    engine = DaskEngine(Conditions(), scheduler_file=shared_cluster.file)
    engine.submit([make_spec("Pendulum-v1", budget=64_000, evaluations=100, checkpoint_every=640)])

    def pause_then_join():
        engine.pause()
        time.sleep(0.5)
        shared_cluster.have_workers(2)

    Timer(0.5, pause_then_join).start()
    assert list(pauses(engine.events()).values()) == ["at a checkpoint after 640 environment steps"]
    engine.close()


def test_rows_and_logs_come_back_without_shared_files(engine, cluster, make_spec):
    specs = [make_spec(env, seed=s) for env in ("CartPole-v1", "Pendulum-v1") for s in (0, 1)]
    events = run(engine, specs)
    assert outcomes(events) == outcomes(run(Inline(), specs))
    assert all(run.jobs == 1 for run in ends(events).values())
    assert all(event.log is not None for event in events if isinstance(event, Ended))
    assert not list(cluster.file.parent.rglob("worker*/cells/*")), "what came back is gone there"


USERS = {
    "walled_world.py": "from parts.walls import Walled as Mine\n",
    "parts/walls.py": "from fake_environments import Counting\nimport depth\n\nclass Walled(Counting):\n    pass\n",
    "depth.py": "import gymnasium as gym\n\nclass Deep(gym.Wrapper):\n    pass\n",
    "my_rule.py": "from depth import Deep\nfrom algos.rules.npg import npg as mine\n",
    "registers.py": "import gymnasium as gym\ngym.register('Mine-v0', entry_point='walled_world:Mine')\n",
}


@pytest.mark.parametrize("source", ["walled_world.py:Mine", "registers:Mine-v0"])
def test_a_users_files_travel_to_the_workers(engine, cluster, tmp_path, make_spec, fakes, monkeypatch, source):
    for name, text in USERS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    if "py:" in source:
        source = f"{tmp_path / source}"
    else:
        monkeypatch.syspath_prepend(str(tmp_path))
    spec = altered(
        make_spec("mine"), environment=source, rule=f"{tmp_path}/my_rule.py:mine",
        wrappers=[(f"{tmp_path}/depth.py:Deep", {})], hyper={"lr": 0.1},
    )  # fmt: skip
    spec = spec.model_copy(update={"code": code_of(spec).digest})
    for name in USERS:
        (tmp_path / name).write_text("1 / 0\n")  # what a worker that looked here would find
    (ended,) = ends(run(engine, [spec])).values()
    assert (ended.status, ended.rule, ended.code) == ("ok", spec.rule, spec.code), ended.traceback
    assert {"depth.py", "my_rule.py"} <= {file.name for file in cluster.file.parent.rglob("worker*/sources/*/*.py")}


def test_a_worker_that_is_killed_in_mid_cell_costs_no_cell(engine, cluster, make_spec):
    specs = [make_spec("Pendulum-v1", budget=6_400, evaluations=4, seed=s) for s in (0, 1, 2)]
    engine.submit(specs)
    ended, killed = [], None
    for event in engine.events():
        if isinstance(event, Beat) and event.env_steps and killed is None:
            killed = next(worker for worker in cluster.workers if cells_alive(worker.pid))
            cells = psutil.Process(killed.pid).children(recursive=True)
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
    left = list(engine.events())
    assert len(pauses(left)) == 3 and not ends(left)


CLUSTERS = Path(__file__).parents[3] / "experiments" / "clusters"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make certificates with")
def test_with_tls_cells_run_and_who_has_no_certificate_is_turned_away(tmp_path, make_spec):
    subprocess.run([CLUSTERS / "make_certificates.sh"], cwd=tmp_path, check=True, capture_output=True)
    cluster = Cluster(tmp_path, {"DASK_CONFIG": str(tmp_path / "dask.yaml")}, "--protocol", "tls")
    try:
        cluster.have_workers(1)
        with pytest.raises(EngineError, match="does not answer: TLS expects"):
            DaskEngine(Conditions(), scheduler_file=cluster.file)
        knocks_without_certificate(json.loads(cluster.file.read_text())["address"])
        tls = yaml.safe_load((tmp_path / "dask.yaml").read_text())["distributed"]["comm"]["tls"]
        with dask.config.set({f"distributed.comm.tls.{name}": value for name, value in tls.items()}):
            engine = DaskEngine(Conditions(), scheduler_file=cluster.file)
            assert outcomes(run(engine, [make_spec()])) == outcomes(run(Inline(), [make_spec()])), cluster.logs()
            engine.close()
    finally:
        cluster.stop()


def knocks_without_certificate(address):
    """Says what TLS says to it: that a certificate is required."""
    host, port = address.removeprefix("tls://").split(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
        context.wrap_socket(plain) as encrypted,
    ):
        encrypted.recv(1)


def test_the_script_for_slurm_is_good_bash_and_its_workers_may_have_children():
    script = CLUSTERS / "slurm" / "workers.sbatch"
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert "--no-nanny" in script.read_text() and "--requeue" in script.read_text()


def test_what_is_deployed_on_kubernetes_fits_its_schemas_and_its_workers_may_have_children():
    documents = list(yaml.safe_load_all((CLUSTERS / "kubernetes" / "policy-ascent.yaml").read_text()))
    for document in documents:
        kubernetes_validate.validate(document, "1.37", strict=True)
    commands = {d["metadata"]["name"]: d["spec"]["template"]["spec"]["containers"][0]["command"]
                for d in documents if d["kind"] == "Deployment"}  # fmt: skip
    assert "--no-nanny" in commands["policy-ascent-worker"] and "tls" in commands["policy-ascent-scheduler"]
