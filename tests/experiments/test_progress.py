import io

from rich.console import Console

from experiments.cell.train import train
from experiments.engines import Beat, Ended, Started
from experiments.progress import LiveProgress, PlainProgress, show_progress


def told(display, spec):
    *rows, run = train(spec)
    with display as progress:
        for event in (Started(spec), Beat(spec, 0, 9.0), Beat(spec, 64, 9.5), Ended(spec, run, rows)):
            progress.take(event)


def test_plain_lines_tell_start_middle_and_end(make_spec):
    out = io.StringIO()
    told(PlainProgress(3, 1, Console(file=out, width=200), every_s=0.0), make_spec())
    text = out.getvalue()
    assert "64/192  " in text and "steps/s" in text and "s left" in text and "return" in text
    assert "ok       trpo/CartPole-v1 seed 0 in" in text
    assert text.rstrip().endswith("2/3 done, 0 running, 0 failed, 1 waiting")
    assert "\x1b" not in text


def test_the_live_table_shows_failures_and_counts(make_spec, fakes):
    out = io.StringIO()
    told(LiveProgress(1, 0, Console(file=out, force_terminal=True, width=200)), make_spec(fakes + "NanReward-v0"))
    assert "env_error" in out.getvalue() and "reward is nan" in out.getvalue()
    assert "0/1 done, 0 running, 1 failed, 0 waiting" in out.getvalue()


def test_without_a_terminal_the_lines_are_plain():
    assert isinstance(show_progress(1, 0), PlainProgress)
