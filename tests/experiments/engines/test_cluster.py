"""Cells on the local engine: real child processes."""

import inspect
import io
import os
import re
import signal
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import asdict

import psutil
import pytest
from cell_processes import cells_alive
from rich.console import Console

from experiments.cell.failures import Paused as CellPaused
from experiments.cell.train import train
from experiments.engines import NOT_BEGUN, Beat, Conditions, Ended, Files, Inline, Paused, Resumed, Started
from experiments.engines.cluster import DaskEngine
from experiments.engines.supervise import Stop, supervise
from experiments.progress import LiveProgress
from experiments.records import CLOCKS
from experiments.tally import Tally


@pytest.fixture
def engine(tmp_path):
    """Makes engines whose files lie in `tmp_path`; all are closed in the end, and no child is left."""
    made = []

    def files(run_id):
        return Files(str(tmp_path / f"{run_id}.log"), str(tmp_path / f"{run_id}.checkpoint"))

    def make(jobs=1, retries=0, **conditions):
        conditions = Conditions(jobs=jobs, **conditions)
        made.append(DaskEngine(conditions, files, retries=retries))
        return made[-1]

    yield make
    for each in made:
        each.close()
    assert not cells_alive()


def run(engine, specs):
    engine.submit(specs)
    return list(engine.events())


def outcomes(events):
    """run_id -> every row that does not depend on the clock or on who else was running."""
    return {
        event.spec.run_id: [repr({k: v for k, v in asdict(row).items() if k not in CLOCKS}) for row in all_rows(event)]
        for event in events
        if isinstance(event, Ended)
    }


def all_rows(ended):
    return [*ended.rows, ended.run]


def ends(events):
    return {event.spec.run_id: event.run for event in events if isinstance(event, Ended)}


def pauses(events):
    return {event.spec.run_id: event.reason for event in events if isinstance(event, Paused)}


def test_one_job_two_jobs_and_no_process_at_all_give_equal_rows(engine, make_spec):
    environments, rules = ("CartPole-v1", "Pendulum-v1"), ("trpo", "reuse_pg")
    specs = [make_spec(env, rule) for env in environments for rule in rules]
    inline = outcomes(run(Inline(), specs))
    assert len(inline) == 4 and all(len(rows) > 4 for rows in inline.values())
    assert outcomes(run(engine(1), specs)) == inline
    assert outcomes(run(engine(2), specs[::-1])) == inline


def test_a_cell_starts_beats_and_ends(engine, make_spec):
    spec = make_spec()
    started, *beats, ended = run(engine(), [spec])
    assert started == Started(spec) and isinstance(ended, Ended) and ended.run.status == "ok"
    assert beats and all(isinstance(beat, Beat) and 0 <= beat.env_steps <= spec.budget for beat in beats)


def test_a_cell_goes_on_after_the_machine_has_slept_for_an_hour(engine, make_spec, monkeypatch):
    local = engine()
    local.submit([make_spec(budget=20_480)])
    events = local.events()
    assert isinstance(next(events), Started)
    monkeypatch.setattr("distributed.scheduler.time", lambda: time.time() + 3600)

    async def do_what_is_done_at_intervals():
        for each in list(local._workers._cluster.scheduler.periodic_callbacks.values()):
            if inspect.isawaitable(result := each.callback()):
                await result

    local._workers._client.sync(do_what_is_done_at_intervals)
    *_, ended = events
    assert ended.run.status == "ok" and ended.run.attempts == 1


def test_a_cell_that_raises_crashes_or_diverges_fails_alone(engine, make_spec, fakes):
    specs = {
        "env_error": make_spec(fakes + "Raises-v0"),
        "killed": make_spec(fakes + "Aborts-v0"),
        "diverged": make_spec(fakes + "Generous-v0", env_kwargs={"reward": 1e10}),
        "ok": make_spec(fakes + "Counting-v0"),
    }
    ended = ends(run(engine(2), specs.values()))
    assert {status: ended[spec.run_id].status for status, spec in specs.items()} == {s: s for s in specs}
    reasons = {status: ended[spec.run_id].reason for status, spec in specs.items()}
    assert "the simulator is on fire" in reasons["env_error"]
    assert "SIGABRT" in reasons["killed"]
    assert "evaluated_returns beyond 1e+09" in reasons["diverged"]


def test_a_silent_cell_is_stopped_the_others_go_on_and_to_watch_it_costs_nothing(engine, make_spec, fakes):
    first, hangs, last = make_spec(seed=1), make_spec(fakes + "Hangs-v0"), make_spec()
    local, clocks, ended = engine(1, silence_s=3.0), [], {}
    local.submit([first, hangs, last])
    with LiveProgress(
        Tally([first, hangs, last]), Console(file=io.StringIO(), force_terminal=True, width=100)
    ) as progress:
        for event in local.events():
            progress.take(event)
            if event.spec is hangs:
                clocks.append((time.process_time(), time.monotonic()))
            if isinstance(event, Ended):
                ended[event.spec.seed, event.spec.env] = event.run.status
    assert ended == {(1, first.env): "ok", (0, hangs.env): "timeout", (0, last.env): "ok"}
    cpu, wall = (after - before for before, after in zip(clocks[0], clocks[-1], strict=True))
    assert wall > 3 and cpu / wall < 0.02, "share of a core that engine and display take while nothing happens"


def test_silence_is_what_was_listened_to_and_not_what_went_by(make_spec, monkeypatch):
    class Silent:
        end = None

        def read(self, seconds):
            clock[0] += 3600  # the machine was frozen meanwhile
            listened.append(seconds)
            return []

        def kill(self):
            return []

        __enter__, __exit__ = lambda self: self, lambda self, *how: None

    clock, listened = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr("experiments.engines.supervise.Process", lambda request: Silent())
    run = supervise(make_spec(), Conditions(silence_s=1.0), Files(), lambda row, line: None, Stop())
    assert run.status == "timeout" and run.reason == "no row for 1 s" and 1.0 <= sum(listened) < 1.5


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2, reason="processes cannot be pinned here"
)
def test_a_cell_of_the_timing_lane_stays_on_one_core(engine, make_spec, fakes):
    spec, cores = make_spec(fakes + "TellsItsCores-v0"), sorted(os.sched_getaffinity(0))
    for lane, expected in (("timing", cores[-1:]), ("throughput", cores)):
        assert f"cores {expected}" in ends(run(engine(lane=lane), [spec]))[spec.run_id].reason


def test_a_cell_beyond_its_memory_is_recorded_as_such_and_the_others_go_on(engine, make_spec, fakes):
    greedy, fine = make_spec(fakes + "Greedy-v0"), make_spec()
    ended = ends(run(engine(1, memory_gib=8.0), [greedy, fine]))
    assert ended[greedy.run_id].status == "oom" and ended[fine.run_id].status == "ok"


def test_a_killed_cell_tells_how_far_it_came_and_is_tried_again(engine, make_spec):
    spec = make_spec(budget=16_000, evaluations=50, checkpoint_every=64)  # long enough to be killed on the way
    local, kills, steps = engine(retries=1), 0, 0
    local.submit([spec])
    for event in local.events():
        if isinstance(event, Beat) and event.env_steps >= 640 and not kills:
            kills, steps = 1, event.env_steps
            os.kill(cells_alive()[0].pid, signal.SIGKILL)
    assert isinstance(event, Ended) and event.run.status == "ok" and event.run.attempts == 2
    assert outcomes([event]) == outcomes(run(Inline(), [spec])), "as if nothing had happened"
    assert steps


def test_a_cell_that_kills_itself_costs_only_itself(engine, make_spec, fakes):
    poison, fine = make_spec(fakes + "Aborts-v0"), make_spec()
    ended = ends(run(engine(retries=1), [poison, fine]))
    assert ended[fine.run_id].status == "ok" and ended[poison.run_id].status == "killed"
    assert ended[poison.run_id].attempts == 2 and "SIGABRT" in ended[poison.run_id].reason


def test_a_pause_stops_at_checkpoints_and_another_engine_goes_on(engine, make_spec):
    specs = [make_spec(budget=9_600, evaluations=15, checkpoint_every=640, eval_episodes=2, seed=s) for s in (0, 1)]
    first = engine(1)
    first.submit(specs)
    for event in first.events():
        if isinstance(event, Beat) and event.env_steps:
            first.pause()
            break
    paused = pauses(first.events())
    assert len(paused) == 2 and paused[specs[1].run_id] == NOT_BEGUN
    assert re.fullmatch(r"at a checkpoint after \d*[1-9]\d* environment steps", paused[specs[0].run_id])
    events = run(engine(1), specs[:1])
    assert next(e for e in events if isinstance(e, Beat)).env_steps == 0, "rows are told from the start"
    assert outcomes(events) == outcomes(run(Inline(), specs[:1]))


def test_many_cells_wait_without_costing_anything(engine, make_spec):
    specs = [make_spec(seed=s) for s in range(3_000)]
    local = engine(1)
    local.submit(specs)
    first = next(iter(local.events()))
    local.pause()
    began = time.monotonic()
    left = list(local.events())
    assert len(ends(left)) + len(pauses(left)) == 3_000 - isinstance(first, Ended) and time.monotonic() - began < 60
    assert sum(reason == NOT_BEGUN for reason in pauses(left).values()) >= 2_980


def test_closing_leaves_no_child(engine, make_spec):
    local = engine(2)
    local.submit([make_spec(budget=640_000, seed=s) for s in (0, 1)])
    next(event for event in local.events() if isinstance(event, Beat))
    assert cells_alive()
    local.close()
    assert not cells_alive()


def test_the_local_engine_listens_on_loopback_only_and_shows_no_page(engine, make_spec):
    local = engine(1)
    run(local, [make_spec()])
    listening = [c.laddr for c in psutil.Process().net_connections() if c.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening} <= {"127.0.0.1"}
    for address in listening:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{address.port}/status", timeout=5)


def test_a_cell_that_goes_on_says_at_which_step(engine, make_spec, tmp_path):
    spec = make_spec(budget=512, evaluations=4, checkpoint_every=128)
    with suppress(CellPaused):
        list(train(spec, checkpoint=tmp_path / f"{spec.run_id}.checkpoint", pause=lambda: True))
    events = run(engine(1), [spec])
    assert [event.env_steps for event in events if isinstance(event, Resumed)] == [128]
    assert ends(events)[spec.run_id].env_steps == 512
    assert not [event for event in run(engine(1), [make_spec(seed=1)]) if isinstance(event, Resumed)]


def test_a_step_to_infinity_ends_as_diverged_with_the_step(make_spec):
    last = list(train(make_spec("Pendulum-v1", "vanilla_pg", hyper={"lr": 1e30})))[-1]
    assert last.status == "diverged" and "environment steps" in last.reason


@pytest.mark.parametrize("when", ["before its first row", "in an evaluation"])
def test_a_pause_ends_an_evaluation_that_would_not_end(make_spec, fakes, when):
    endless = {"final_episodes": 10**6, "eval_max_steps": 3 if when == "in an evaluation" else 10**6}
    spec = make_spec(
        fakes + "Endless-v0", env_kwargs={"slow": 0.2}, budget=4, evaluations=1, n_envs=1, batch_size=2, **endless
    )
    stop = Stop()

    def tell(row, line):
        stop.soon.set()

    if when == "before its first row":
        threading.Timer(3.0, stop.soon.set).start()
    start = time.monotonic()
    ended = supervise(spec, Conditions(), Files(), tell, stop)
    assert isinstance(ended, Paused) and "in an evaluation" in ended.reason and time.monotonic() - start < 60
