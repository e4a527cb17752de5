import os
import signal
import sys

import pytest

from experiments.exit_codes import MORE_TO_DO, OK
from experiments.stopping import Output, stopping, surviving_output


@pytest.fixture
def paused():
    """How often the engine was asked to pause; no signal is ignored at first, and in the end they are as before."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    outside = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    asked = []
    yield asked
    assert {signal.getsignal(number) for number in numbers} == {signal.SIG_DFL}
    for number, handler in outside.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_pauses_and_gives_the_code(paused, number, code):
    with stopping(lambda: paused.append(1), None, Output()) as stop:
        assert stop.code == OK
        os.kill(os.getpid(), number)
        assert stop.code == code and len(paused) == 1


def test_a_second_signal_interrupts(paused):
    with stopping(lambda: paused.append(1), None, Output()) as stop, pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    assert stop.code == 143


def test_a_window_that_closes_says_so_twice_and_still_pauses(paused):
    with stopping(lambda: paused.append(1), None, Output()) as stop:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
        assert stop.code == 129
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_under_nohup_a_hangup_is_nothing(paused):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping(lambda: paused.append(1), None, Output()) as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.code == OK and not paused
    finally:
        signal.signal(signal.SIGHUP, before)


def test_time_that_is_up_pauses_and_a_signal_after_it_gives_its_own_code(paused):
    with stopping(lambda: paused.append(1), 1e-9, Output()) as stop:
        while not paused:
            pass
        assert stop.code == MORE_TO_DO
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.code == 143


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_what_is_printed_into_a_pipe_that_is_gone_pauses_and_raises_nothing(paused, monkeypatch, when):
    reader, writer = os.pipe()
    with open(writer, "w") as pipe, open(os.devnull, "w") as nowhere:
        monkeypatch.setattr(sys, "stdout", pipe)
        monkeypatch.setattr(sys, "stderr", nowhere)
        with surviving_output() as output:
            os.close(reader)
            if when == "before":
                print("hello", flush=True)
            with stopping(lambda: paused.append(1), None, output) as stop:
                print("hello", flush=True)
                print("hello again", flush=True)
                assert stop.code == 141 and len(paused) == 1
        monkeypatch.undo()
