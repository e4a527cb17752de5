"""One cell in a process of its own, and all that it may have started."""

import resource
import time
from pathlib import Path
from threading import Thread, Timer

import psutil
import pytest
from cell_processes import cells_alive, ends_soon, guardians_alive, has_ended, kill_all

from experiments.cell.train import train
from experiments.engines import Conditions, Files, Paused
from experiments.engines.supervise import Stop, supervise
from experiments.records import UpdateRow, encode

HELPERS = ("fork", "double fork", "session")


@pytest.fixture
def odd(fakes):
    """Prefix of the environments that do something to their process."""
    return "process_environments:"


@pytest.fixture
def helper(tmp_path):
    """The file in which the helper's process id will be; whatever lives is killed in the end."""
    file = tmp_path / "helper"
    yield file
    if file.exists():
        kill_all(int(file.read_text()))


def run(spec, stop=None, **conditions):
    return supervise(spec, Conditions(**conditions), Files(), lambda row, line: None, stop or Stop())


def is_gone(file):
    return has_ended(int(file.read_text()))


@pytest.mark.parametrize("how", HELPERS)
@pytest.mark.parametrize(("then", "status"), [("behave", "ok"), ("abort", "killed"), ("hang", "timeout")])
def test_what_an_environment_has_started_ends_with_its_cell(make_spec, odd, helper, how, then, status):
    spec = make_spec(odd + "StartsHelper-v0", env_kwargs={"file": str(helper), "how": how, "then": then})
    began = time.monotonic()
    assert run(spec, silence_s=3.0 if then == "hang" else 1800.0).status == status
    assert is_gone(helper) and time.monotonic() - began < 60, "though it holds the pipe"


@pytest.mark.parametrize("how", HELPERS)
@pytest.mark.parametrize("killed", ["cell", "guardian"])
def test_so_it_does_where_the_cell_is_killed_or_what_guards_it(make_spec, odd, helper, how, killed):
    spec = make_spec(odd + "StartsHelper-v0", env_kwargs={"file": str(helper), "how": how, "then": "hang"})
    cells = []

    def kill():
        while not helper.exists():
            time.sleep(0.01)
        cells.extend(cells_alive())
        (cells if killed == "cell" else guardians_alive())[0].kill()

    thread = Thread(target=kill, daemon=True)
    thread.start()
    last = run(spec, silence_s=60.0)
    thread.join()
    how = {"cell": "SIGKILL; nothing here sent it: perhaps the kernel did, for want of memory"}
    assert last.status == "killed" and how.get(killed, "guards it was lost") in last.reason
    assert ends_soon(int(helper.read_text())) and not psutil.wait_procs(cells, timeout=10)[1]


def test_a_cell_that_stops_in_the_middle_of_a_row_is_found_silent(make_spec, odd):
    spec = make_spec(odd + "Writes-v0", env_kwargs={"text": '{"table": ', "stop": True})
    assert run(spec, silence_s=1.0).status == "timeout"
    assert not cells_alive()


def test_a_stop_at_once_does_not_wait_for_the_rest_of_a_row(make_spec, odd):
    spec = make_spec(odd + "Writes-v0", env_kwargs={"text": '{"table": ', "stop": True})
    stop = Stop()
    for seconds, event in ((1.0, stop.soon), (1.5, stop.now)):
        Timer(seconds, event.set).start()
    assert run(spec, stop, silence_s=60.0).reason == "stopped by the user"
    assert not cells_alive()


def test_what_is_no_row_ends_its_cell(make_spec, odd):
    last = run(make_spec(odd + "Writes-v0", env_kwargs={"text": "Hello\n", "stop": False}))
    assert last.status == "killed" and last.reason == "its pipe held what is no row"


@pytest.mark.parametrize("how", ["abort", "hang"])
def test_a_cell_that_has_finished_is_not_recorded_as_killed(make_spec, odd, how):
    assert run(make_spec(odd + "EndsBadly-v0", env_kwargs={"how": how})).status == "ok"
    assert not cells_alive()


def test_nor_is_one_whose_last_row_is_there_when_it_is_stopped(make_spec, monkeypatch):
    spec, stop = make_spec(), Stop()
    *rows, last = map(encode, train(spec))

    class Ending:
        """Writes its last rows after the first was read; lives on."""

        end, parts = None, [rows[:1], [*rows[1:], last]]

        def read(self, seconds):
            return self.parts.pop(0) if self.parts else []

        kill = lambda self: self.read(0)  # noqa: E731
        __enter__, __exit__ = lambda self: self, lambda self, *how: None

    monkeypatch.setattr("experiments.engines.supervise.Process", lambda request: Ending())
    assert supervise(spec, Conditions(), Files(), lambda row, line: stop.now.set(), stop).status == "ok"


def test_what_a_killed_cell_used_is_its_own(make_spec, odd):
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 + 300  # more than this process ever had
    last = run(make_spec(odd + "UsesALot-v0", env_kwargs={"mib": mib}))
    assert last.status == "killed" and "SIGABRT" in last.reason
    assert mib < last.peak_rss_mb < mib + 1_000 and 1 <= last.cpu_s < 20 and last.total_s >= 1
    assert last.other_s == last.total_s and last.threads == 1


def test_how_far_a_killed_cell_came_is_what_its_last_update_said(make_spec):
    updates = []

    def kill_at_the_third(row, line):
        if isinstance(row, UpdateRow):
            updates.append(row)
            if len(updates) == 3:
                cells_alive()[0].kill()

    last = supervise(make_spec(budget=64_000), Conditions(), Files(), kill_at_the_third, Stop())
    assert last.status == "killed" and last.updates == updates[-1].update >= 3
    for name in ("env_steps", "episodes", "gradient_evaluations", "fisher_products", "candidate_evaluations"):
        assert getattr(last, name) == getattr(updates[-1], name)


@pytest.mark.parametrize("which", [cells_alive, guardians_alive])
def test_a_sigterm_to_the_cell_or_to_what_guards_it_pauses_it_at_a_checkpoint(make_spec, tmp_path, which):
    spec = make_spec("Pendulum-v1", budget=64_000, evaluations=100, checkpoint_every=640)
    checkpoint, sent = Path(tmp_path / "c"), []

    def tell(row, line):
        if not sent:
            sent.append(which()[0])
            sent[0].terminate()

    last = supervise(spec, Conditions(), Files(checkpoint=str(checkpoint)), tell, Stop())
    assert last == Paused(spec, "at a checkpoint after 640 environment steps") and checkpoint.exists()
