import threading
import time
from pathlib import Path

import psutil
import pytest
from cell_processes import ends_soon

import experiments.cell.probe as probe
from experiments.cell.action_spaces import Actions
from experiments.cell.probe import ProbeFailed, Prober
from experiments.cell.spaces import Interface, Observations

COUNTING = Interface(Observations((2,)), Actions("discrete", (2,), False), None)


@pytest.fixture
def prober(monkeypatch):
    monkeypatch.setattr(probe, "_known", {})
    with Prober(limit_s=20.0) as made:
        yield made


def test_it_tells_what_a_policy_has_to_fit_and_leaves_no_process(monkeypatch):
    monkeypatch.setattr(probe, "_known", {})
    before = set(psutil.Process().children())
    with Prober() as prober:
        assert prober.ask("CartPole-v1", {"max_episode_steps": 9}) == Interface(
            Observations((4,)), Actions("discrete", (2,), False), 9
        )
        (child,) = set(psutil.Process().children()) - before
        assert prober.ask("Hopper-v5", {}) == Interface(Observations((11,)), Actions("continuous", (3,), True), 1000)
        assert set(psutil.Process().children()) - before == {child}, "one process for all"
    assert not child.is_running()


@pytest.mark.parametrize("how", ["thread", "moves", "forks"])
def test_what_a_constructor_does_stays_in_the_other_process(prober, fakes, tmp_path, monkeypatch, how):
    monkeypatch.setenv("HELPER", str(tmp_path / "pid"))
    folder, threads = Path.cwd(), threading.active_count()
    assert prober.ask(fakes + "Awkward-v0", {"how": how}) == COUNTING
    assert Path.cwd() == folder and threading.active_count() == threads
    start = time.monotonic()
    prober.__exit__(None, None, None)
    assert time.monotonic() - start < 60
    prober._child = None
    if how == "forks":
        assert ends_soon(int((tmp_path / "pid").read_text()))


def test_what_a_constructor_prints_neither_blocks_it_nor_takes_a_file(prober, fakes, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: pytest.fail("a disk may be full"))
    assert prober.ask(fakes + "Awkward-v0", {"how": "prints"}) == COUNTING


def test_it_ends_with_whoever_asked_whatever_threads_the_environment_has_started(prober, fakes):
    prober.ask(fakes + "Awkward-v0", {"how": "thread"})
    process = prober._child._process
    process.stdin.close()  # as the end of the driver does
    process.stdin = None
    assert process.wait(timeout=20) == 0


def test_one_that_cannot_be_closed_is_answered_for_as_any_other(prober, fakes):
    assert prober.ask(fakes + "Stuck-v0", {}) == COUNTING
    assert prober.ask(fakes + "Awkward-v0", {}) == COUNTING


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raises", "RuntimeError: no licence"),
        ("exits", "SystemExit: 3"),
        ("starves", "MemoryError: "),
        ("aborts", "its process ended with SIGABRT; the end of what it said: it was the driver"),
    ],
)
def test_what_goes_wrong_is_said_and_the_next_one_is_tried(prober, fakes, how, message):
    with pytest.raises(ProbeFailed, match=message):
        prober.ask(fakes + "Awkward-v0", {"how": how})
    assert prober.ask(fakes + "Awkward-v0", {}) == COUNTING


def test_a_constructor_that_hangs_is_given_up_in_time(fakes, monkeypatch):
    monkeypatch.setattr(probe, "_known", {})
    start = time.monotonic()
    with Prober(limit_s=2.0) as prober, pytest.raises(ProbeFailed, match="not made within 2 s"):
        prober.ask(fakes + "Awkward-v0", {"how": "hangs"})
    assert time.monotonic() - start < 60


def test_relative_paths_start_where_the_driver_stands(prober, fakes, tmp_path, monkeypatch):
    from gymnasium.envs.mujoco import half_cheetah_v5

    source = Path(half_cheetah_v5.__file__).parent / "assets" / "half_cheetah.xml"
    (tmp_path / "mine.xml").write_bytes(source.read_bytes())
    monkeypatch.chdir(tmp_path)
    prober.ask(fakes + "Awkward-v0", {"how": "moves"})
    assert prober.ask("HalfCheetah-v5", {"xml_file": "./mine.xml"}).observations.size == 17
    assert [file.name for file in tmp_path.iterdir()] == ["mine.xml"], "and nothing is written there"


def test_what_is_known_is_not_tried_again(prober, monkeypatch):
    prober.ask("CartPole-v1", {})
    monkeypatch.setattr(probe, "_Child", lambda: pytest.fail("another process"))
    with Prober() as other:
        assert other.ask("CartPole-v1", {}).observations.size == 4
