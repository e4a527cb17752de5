"""Whatever stops a matrix, the same command finishes it with the table of one that nothing stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import psutil
import pytest
from cell_processes import cells_alive
from untimed_cells import cells

from experiments.arguments import Arguments
from experiments.exit_codes import MORE_TO_DO
from experiments.run_matrix import main

SCRIPT = Path(__file__).parents[2] / "experiments" / "run_matrix.py"
MATRIX = """
seeds = 3
[settings]
n_envs = 4
batch_size = 128
hidden = [8, 8]
evaluations = 10
eval_episodes = 2
final_episodes = 2
checkpoint_every = 384
[environments.Pendulum-v1]
budget = 3_840
[rules.trpo]
"""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONG = MATRIX.replace("3_840", "512_000").replace("= 384\n", "= 512_000\n")


@pytest.fixture
def start(tmp_path):
    """Starts the command; whatever still runs in the end is killed."""
    started = []

    def command(matrix: str = MATRIX) -> subprocess.Popen[str]:
        (tmp_path / "m.toml").write_text(matrix)
        (tmp_path / "tmp").mkdir(exist_ok=True)
        line = [sys.executable, str(SCRIPT), "m.toml", "--jobs", "2", "--no-report"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(line, cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")}, **pipes)
        started.append(process)
        return process

    yield command
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """Every cell of the matrix when nothing stops it."""
    folder = tmp_path_factory.mktemp("calm")
    (folder / "m.toml").write_text(MATRIX)
    assert go_on(folder) == 0
    return cells(folder / "results" / "m")


def go_on(folder, **flags):
    """The same command in this process; its exit code."""
    return main(Arguments(str(folder / "m.toml"), jobs=2, out=folder / "results" / "m", report=False, **flags))


def checkpoints(folder):
    return list((folder / "results" / "m").glob("checkpoints/*.checkpoint"))


def descendants(process):
    return psutil.Process(process.pid).children(recursive=True)


@pytest.fixture
def at_first_checkpoint(tmp_path):
    """Sends this process a signal as soon as the matrix has something to lose."""

    def send(number):
        def wait():
            while not checkpoints(tmp_path):
                time.sleep(0.02)
            os.kill(os.getpid(), number)

        Thread(target=wait, daemon=True).start()

    before = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    yield send  # a signal that comes too late fails the test and not the suite
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_one_signal_stops_at_checkpoints_and_the_same_command_goes_on(
    at_first_checkpoint, tmp_path, calm, number, code, capfd
):
    (tmp_path / "m.toml").write_text(MATRIX)
    at_first_checkpoint(number)
    assert go_on(tmp_path) == code
    told = capfd.readouterr().err
    assert "once more to stop at once" in told and "the same command goes on" in told
    assert len(cells(tmp_path / "results" / "m")) < 3 and checkpoints(tmp_path)
    assert go_on(tmp_path) == 0
    assert cells(tmp_path / "results" / "m") == calm
    assert not checkpoints(tmp_path)


def test_a_second_driver_leaves_at_once_and_a_second_signal_stops_at_once(start, tmp_path, capsys):
    process = start(LONG)
    until = time.monotonic() + 120
    while len(descendants(process)) < 5:  # fork server, two guardians, two cells
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    assert go_on(tmp_path) == 2
    assert f"in use by process {process.pid} on" in capsys.readouterr().err
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    children = descendants(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130 and not psutil.wait_procs(children, timeout=10)[1]


def test_a_driver_that_is_killed_leaves_no_orphan_and_loses_nothing(start, tmp_path, calm):
    """One cell hangs from its first moment: it does not see that it is alone."""
    process = start()
    until = time.monotonic() + 120
    while not (alive := cells_alive(process.pid)):
        assert process.poll() is None and time.monotonic() < until, process.communicate()
    alive[0].send_signal(signal.SIGSTOP)
    while not checkpoints(tmp_path):
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.02)
    children = descendants(process)
    os.kill(process.pid, signal.SIGKILL)
    orphans = psutil.wait_procs(children, timeout=10)[1]
    assert not list((tmp_path / "tmp").glob("pymp-*")), "nothing is left over either"
    for orphan in orphans:
        orphan.kill()
    assert not orphans
    assert go_on(tmp_path) == 0
    assert cells(tmp_path / "results" / "m") == calm


def test_a_cell_that_is_stopped_by_somebody_is_missing_and_the_exit_code_says_so(tmp_path, calm):
    (tmp_path / "m.toml").write_text(MATRIX)

    def stop_one():
        while not checkpoints(tmp_path):
            time.sleep(0.02)
        cells_alive()[0].terminate()

    Thread(target=stop_one, daemon=True).start()
    assert go_on(tmp_path) == MORE_TO_DO
    assert len(cells(tmp_path / "results" / "m")) == 2
    assert go_on(tmp_path) == 0
    assert cells(tmp_path / "results" / "m") == calm


def test_a_pipe_that_is_printed_into_may_go_away(start, tmp_path, calm):
    """As in `| tee` that dies, or `| head`."""
    process = start()
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    assert process.wait(timeout=120) == 141, process.stderr.read()
    assert len(cells(tmp_path / "results" / "m")) < 3 and checkpoints(tmp_path)
    assert go_on(tmp_path) == 0
    assert cells(tmp_path / "results" / "m") == calm


@pytest.mark.parametrize("after_s", [0.3, 1.0, 2.0])
def test_an_interrupt_while_it_starts_ends_it_with_130_and_no_traceback(start, after_s):
    process = start()
    time.sleep(after_s)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in told, told


def test_time_that_is_up_ends_with_the_code_for_more_to_do(tmp_path, calm):
    (tmp_path / "m.toml").write_text(MATRIX)
    assert go_on(tmp_path, max_hours=1e-9) == MORE_TO_DO == 75
    assert go_on(tmp_path) == 0
    assert cells(tmp_path / "results" / "m") == calm
