"""What can happen to a scheduler and its workers, and what that costs."""

import signal
import time
from threading import Timer

import pytest
from cell_processes import cells_alive
from test_cluster import ends, outcomes, run
from test_remote import Cluster

from experiments.engines import Beat, Conditions, Ended, EngineError, EngineLost, Files, Inline, Paused, Started
from experiments.engines.cluster import DaskEngine
from experiments.engines.workers import wait_for


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path, {})
    yield made
    made.stop()


@pytest.fixture
def engine(cluster, tmp_path):
    """Its driver keeps checkpoints as soon as there are some."""

    def files(run_id):
        return Files(str(tmp_path / f"{run_id}.log"), str(tmp_path / f"{run_id}.checkpoint"))

    made = DaskEngine(Conditions(), files, scheduler_file=cluster.file, checkpoint_s=0.1)
    yield made
    made.close()


@pytest.fixture
def long(make_spec):
    return make_spec("Pendulum-v1", budget=64_000, evaluations=100, checkpoint_every=640)


def busy(cluster):
    """The worker that runs a cell."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for worker in cluster.workers:
            if worker.poll() is None and cells_alive(worker.pid):
                return worker
        time.sleep(0.05)
    raise AssertionError(cluster.logs())


def test_a_scheduler_that_goes_leaves_cells_waiting_and_says_so(cluster, engine, long):
    cluster.have_workers(1)
    engine.submit([long])
    seen = []
    with pytest.raises(EngineLost, match=r"the scheduler .*scheduler.json has gone; no cell is lost"):
        for event in engine.events():
            seen.append(event)
            if isinstance(event, Beat):
                cluster.kill_scheduler()
    assert not any(isinstance(event, Ended) for event in seen)


def test_a_lost_worker_costs_what_came_after_the_last_checkpoint(cluster, engine, make_spec, tmp_path, monkeypatch):
    spec = make_spec("Pendulum-v1", budget=6_400, evaluations=10, checkpoint_every=640)
    cluster.have_workers(2)
    sent, submit = [], engine._workers.submit
    monkeypatch.setattr(
        engine._workers, "submit", lambda f, order, kept, **o: sent.append(kept) or submit(f, order, kept, **o)
    )
    engine.submit([spec])
    events = []
    for event in engine.events():
        events.append(event)
        if len(sent) == 1 and isinstance(event, Beat) and (tmp_path / f"{spec.run_id}.checkpoint").exists():
            busy(cluster).kill()
            sent.append("killed")
    assert sent[0] is None and sent[1] == "killed" and len(sent[2]) > 1_000
    assert ends(events)[spec.run_id].attempts == 2 and outcomes(events) == outcomes(run(Inline(), [spec]))


def test_a_cell_that_was_on_three_lost_workers_is_given_up(cluster, engine, long):
    cluster.have_workers(1)
    engine.submit([long])
    killed = 0
    for event in engine.events():
        if isinstance(event, Started):
            worker = busy(cluster)
            worker.kill()
            worker.wait()
            killed += 1
            cluster.have_workers(1)
    assert isinstance(event, Ended) and killed == 3 == event.run.attempts
    assert (event.run.status, event.run.reason) == ("killed", "lost with its worker 3 times")


def test_a_worker_that_answers_no_more_does_not_hold_up_who_stops_at_once(cluster, engine, long, monkeypatch):
    monkeypatch.setattr("experiments.engines.workers.ANSWER_S", 2.0)
    monkeypatch.setattr("experiments.engines.cluster.PATIENCE_S", 2.0)
    cluster.have_workers(1)
    engine.submit([long])
    next(event for event in engine.events() if isinstance(event, Beat))
    busy(cluster).send_signal(signal.SIGSTOP)
    began = time.monotonic()
    engine.close()
    assert time.monotonic() - began < 30


@pytest.fixture
def other_libraries(tmp_path):
    """What makes a process believe that it is another version of python."""
    (tmp_path / "sitecustomize.py").write_text("import platform\nplatform.python_version = lambda: '3.0.0'\n")
    return {"PYTHONPATH": str(tmp_path)}


def test_workers_of_other_code_or_libraries_are_refused_at_the_start(cluster, engine, long, other_libraries):
    cluster.environment = other_libraries
    cluster.have_workers(1)
    engine._workers._client.wait_for_workers(1, timeout=60)
    with pytest.raises(EngineError, match=r"worker tcp://\S+ cannot compute this: it has other versions"):
        engine.submit([long])


def test_one_that_joins_later_gets_no_cell(cluster, engine, make_spec, other_libraries, capfd):
    engine.submit([make_spec()])
    cluster.environment = other_libraries
    cluster.have_workers(1)

    def bring_a_good_one():
        cluster.environment = {}
        cluster.have_workers(2)

    Timer(6.0, bring_a_good_one).start()
    (last,) = ends(engine.events()).values()
    assert last.status == "ok" and last.attempts == 1
    assert "gets no cells: it has other versions of the libraries" in capfd.readouterr().err


def test_a_worker_that_is_asked_to_leave_hands_its_cell_over_and_ends(cluster, engine, make_spec):
    spec = make_spec("Pendulum-v1", budget=6_400, evaluations=10, checkpoint_every=640)
    cluster.flags = ("--preload", "experiments.engines.leave")
    cluster.have_workers(1)
    engine.submit([spec])
    left, events = None, []
    for event in engine.events():
        events.append(event)
        if left is None and isinstance(event, Beat) and event.env_steps:
            left = busy(cluster)
            left.send_signal(signal.SIGUSR1)
            cluster.workers.remove(left)
            cluster.have_workers(1)
    assert left.wait(timeout=30) == 0, cluster.logs()
    assert ends(events)[spec.run_id].attempts == 1 and outcomes(events) == outcomes(run(Inline(), [spec]))


def test_the_last_checkpoint_of_a_paused_cell_comes_back(cluster, engine, long, tmp_path):
    cluster.have_workers(1)
    engine._checkpoint_s = 3600.0
    engine.submit([long])
    for event in engine.events():
        if isinstance(event, Beat):
            engine.pause()
            break
    assert [type(event) for event in engine.events() if not isinstance(event, Beat)] == [Paused]
    assert (tmp_path / f"{long.run_id}.checkpoint").stat().st_size > 1_000


def test_a_scheduler_file_is_waited_for(tmp_path, monkeypatch, capsys):
    file = tmp_path / "scheduler.json"
    Timer(0.5, file.write_text, ['{"address": "tcp://here:1"}']).start()
    file.write_text("{")  # as far as the scheduler has come
    assert wait_for(file) == "tcp://here:1" and "waiting for" in capsys.readouterr().out
    monkeypatch.setattr("experiments.engines.workers.FILE_S", 0.1)
    with pytest.raises(OSError):
        wait_for(tmp_path / "none.json")
