import io
from dataclasses import replace

from rich.console import Console

from experiments.cell.train import train
from experiments.engines import Beat, Ended, Resumed, Started
from experiments.progress import LiveProgress, PlainProgress, show_progress
from experiments.tally import Tally


def told(display, spec):
    *rows, run = train(spec)
    with display as progress:
        for event in (Started(spec), Beat(spec, 0, 9.0), Beat(spec, 64, 9.5), Ended(spec, run, rows)):
            progress.take(event)


def test_plain_lines_tell_start_middle_and_end(make_spec):
    out = io.StringIO()
    tally = Tally([make_spec(), make_spec(seed=1)], 1)
    told(PlainProgress(tally, Console(file=out, width=200), every_s=0.0), make_spec())
    text = out.getvalue()
    assert "64/192  " in text and "steps/s" in text and "s left" in text and "return" in text
    assert "ok       trpo/CartPole-v1/seed0 in" in text
    assert "2/3 done, 0 running, 0 failed, 1 waiting; about" in text.splitlines()[-1]
    assert "\x1b" not in text


def test_a_cell_that_goes_on_says_from_where_and_its_rate_is_of_new_steps(make_spec):
    out, spec = io.StringIO(), make_spec(budget=300_000)
    tally = Tally([spec])
    with PlainProgress(tally, Console(file=out, width=200)) as progress:
        for event in (Started(spec), Resumed(spec, 102_400), Beat(spec, 64, 9.0)):
            progress.take(event)
        cell = tally.running[spec.run_id]
        assert cell.rate != cell.rate, "rows of before the checkpoint say nothing of how fast it is"
        progress.take(Beat(spec, 102_500, 9.0))
        cell.started -= 50
        assert 1.9 < cell.rate <= 2.0
    assert "resumed  trpo/CartPole-v1/seed0 at 102,400 of 300,000 steps" in out.getvalue()


def test_the_live_table_shows_failures_and_counts(make_spec, fakes):
    out, spec = io.StringIO(), make_spec(fakes + "NanReward-v0")
    told(LiveProgress(Tally([spec]), Console(file=out, force_terminal=True, width=200)), spec)
    assert "env_error" in out.getvalue() and "reward is nan" in out.getvalue()
    assert "0/1 done, 0 running, 1 failed, 0 waiting" in out.getvalue()


def test_the_live_table_fits_a_small_terminal_and_shows_what_has_ended(make_spec):
    specs = [make_spec("Pendulum-v1", seed=seed) for seed in range(40)]
    *rows, run = train(specs[0])
    tally = Tally(specs)
    progress = LiveProgress(tally, Console(file=io.StringIO(), force_terminal=True, width=80, height=24))
    for k, spec in enumerate(specs[:30]):
        ended = Ended(
            spec.model_copy(update={"label": f"rule_of_some_length_{k}"}), replace(run, run_id=spec.run_id), rows
        )
        progress.take(Started(spec))
        if k < 12:
            progress.take(ended)
    screen = Console(file=io.StringIO(), width=80, height=24)
    screen.print(progress._draw())
    lines = screen.file.getvalue().splitlines()
    assert len(lines) <= 23 and max(map(len, lines)) <= 80
    final = next(r.return_mean for r in rows if getattr(r, "final", False) and r.action == "sampled")
    ended = [line for line in lines if "rule_of_some_length_11/" in line]
    assert len(ended) == 1 and f"{final:,.1f}" in ended[0] and "1 ok" in ended[0]
    assert any("trpo/Pendulum-v1/seed29" in line or "more" in line for line in lines)
    assert lines[0].startswith("12/40 done, 18 running")


def test_what_is_left_is_that_of_all_cells_as_many_at_a_time_as_now(make_spec):
    specs = [make_spec(seed=seed, budget=1000, batch_size=100) for seed in range(6)]
    *rows, run = train(make_spec())
    tally = Tally(specs)
    assert tally.left != tally.left, "no cell has shown how fast it is"
    tally.take(Started(specs[0]))
    tally.take(Ended(specs[0], replace(run, run_id=specs[0].run_id, env_steps=1000, total_s=10.0), rows))
    for spec in specs[1:3]:
        tally.take(Started(spec))
    assert 24.9 < tally.left <= 25.1, "five cells of 10 s, two at a time"
    assert tally.headline().endswith("about 25 s left")


def test_without_a_terminal_the_lines_are_plain():
    assert isinstance(show_progress([], 1), PlainProgress)
