from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from analysis import noise
from analysis.load import load
from analysis.plots.looks import style_of
from analysis.plots.noise import against

GRID = list(product((0.001, 0.01, 0.1), (100, 1000, 10_000), range(4)))
NAN = float("nan")


def grid(of_radius, of_batch, jitter=0.0):
    """Runs whose loss is a logit with these slopes by decade."""
    rng = np.random.default_rng(0)
    rows = [
        {"env": "A", "label": "a", "seed": seed, "radius": radius, "batch": batch, "noise": 5.0, "last": 0.5,
         "lost": float(expit(of_radius * np.log10(radius) + of_batch * np.log10(batch) + 1 + jitter * rng.normal()))}
        for radius, batch, seed in GRID
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_logit_finds_the_slopes_that_made_its_outcomes():
    runs = grid(2.0, -0.5)
    radius, batch = np.log10(runs.radius.to_numpy()), np.log10(runs.batch.to_numpy(float))
    beta, deviance = noise.logit(runs.lost.to_numpy(), radius, batch)
    assert list(beta[1:]) == pytest.approx([2.0, -0.5], abs=1e-3) and deviance == pytest.approx(0, abs=1e-6)
    mean, most = noise.logit(np.array([0.0, 1.0, 1.0, 0.0]))
    assert list(mean) == pytest.approx([0]) and most == pytest.approx(2 * np.log(2))


@pytest.mark.parametrize(("of_batch", "expected"), [(-2.0, 1.0), (0.0, 0.0), (-1.0, 0.5)])
def test_the_exchange_is_one_where_only_the_ratio_counts_and_zero_where_only_the_length_does(of_batch, expected):
    row = noise.fits(grid(2.0, of_batch, jitter=0.2)).set_index("outcome").loc["lost"]
    assert row.exchange == pytest.approx(expected, abs=0.1) and row.low < row.exchange < row.high and row.n == 36
    best = {1.0: "by_ratio", 0.0: "by_radius"}.get(expected)
    if best:
        other = {"by_ratio": "by_radius", "by_radius": "by_ratio"}[best]
        assert row[best] == pytest.approx(row.by_both, abs=0.01) and row[best] > row[other] + 0.2


def test_few_seeds_have_no_interval_and_equal_outcomes_no_fit():
    table = noise.fits(grid(2.0, -2.0).query("seed < 2")).set_index("outcome")
    assert np.isnan(table.loc["lost"].low) and table.loc["lost"].exchange == pytest.approx(1, abs=0.01)
    assert np.isnan(table.loc["last"].exchange) and table.loc["last"].n == 18


@pytest.fixture
def crossed(shared):
    """`climbs` with a radius and a batch, its updates watched; `stays` has no radius."""
    hyper = shared.runs.label.map({"climbs": '{"max_kl": 0.02}', "stays": "{}"})
    updates = shared.updates.assign(
        natural_square=[2.0, 0.0, 1.0, 3.0] * 20, natural_signal_share=[0.9, NAN, 0.2, 0.1] * 20
    )
    return replace(shared, runs=shared.runs.assign(hyper=hyper, settings='{"batch_size": 100}'), updates=updates)


def test_a_run_is_what_it_had_what_it_has_and_how_noisy_it_was(crossed):
    runs = noise.cells(crossed)
    assert len(runs) == 10 and set(runs.label) == {"climbs"} and set(runs.batch) == {100} and set(runs.radius) == {0.02}
    first = runs[(runs.env == "Easy-v0") & (runs.seed == 1)].iloc[0]
    assert first["last"] == pytest.approx(0.61) and first.lost == 0
    assert first.noise == pytest.approx(100 * (4 - 0.5) / 0.5), "of the last two updates"


def test_what_was_lost_is_a_share_of_the_best(crossed):
    evaluations = crossed.evaluations
    late = (evaluations.grid_step > 200) & ~evaluations.final
    fallen = replace(crossed, evaluations=evaluations.assign(return_mean=evaluations.return_mean.where(~late, 0.0)))
    run = noise.cells(fallen).query("env == 'Easy-v0' and seed == 0").iloc[0]
    means = np.lib.stride_tricks.sliding_window_view([0, 0.1, 0.2, 0.3, 0.4, 0, 0, 0, 0], 5).mean(-1)
    assert np.isnan(run.lost) and means.max() < 0.25, "there was not enough to lose"
    high = fallen.evaluations.assign(return_mean=fallen.evaluations.return_mean.where(late, 50.0))
    run = noise.cells(replace(fallen, evaluations=high)).query("env == 'Easy-v0' and seed == 0").iloc[0]
    assert run.lost == pytest.approx(1 - 0.1 / 0.5) and run["last"] == pytest.approx(0.1)


def test_halves_that_do_not_agree_have_infinite_noise_and_unwatched_runs_none(crossed):
    against_each_other = crossed.updates.assign(natural_signal_share=-0.1)
    assert np.isinf(noise.cells(replace(crossed, updates=against_each_other)).noise).all()
    assert noise.cells(replace(crossed, updates=crossed.updates.assign(natural_square=0.0))).noise.isna().all()


def test_the_command_writes_a_table_and_a_figure_and_refuses_what_has_no_radius(folder, crossed, monkeypatch, capsys):
    assert noise.main(noise.Arguments(folder)) == 2 and "no run with a radius" in capsys.readouterr().err
    monkeypatch.setattr(noise, "load", lambda folder: crossed)
    assert noise.main(noise.Arguments(folder)) == 0
    table = pd.read_csv(folder / "tables" / "noise.csv")
    assert set(table.env) == {"Easy-v0", "Hard-v0"} and (table.n == [5, 5] * 2).all()
    assert (folder / "figures" / "noise.png").stat().st_size > 10_000
    assert load(folder).problems == ()


def test_a_dot_per_run_and_a_line_through_the_means_of_a_batch(ax):
    runs = grid(2.0, -1.0).assign(label=lambda t: t.batch.map("{}".format))
    against(runs, ax, style_of(["100", "1000", "10000"]), "lost", "radius")
    assert len(ax.lines) == 6 and [len(line.get_xdata()) for line in ax.lines] == [12, 3] * 3
    means = runs[runs.label == "100"].groupby("radius").lost.mean()
    assert list(ax.lines[1].get_ydata()) == pytest.approx(list(means)) and ax.get_xscale() == "log"
