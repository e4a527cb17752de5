from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.blind_spot import LEAST, SHOWN, TOGETHER, WHO, fall, falls, traces
from analysis.plots.blind_spot import KEPT, NAMES, around_fall
from analysis.plots.looks import style_of

NAN = float("nan")
HIGH = [0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("z", "at"),
    [
        ([*HIGH, 0.7, 0.7, 0.7, 0.7, 0.7], 8),
        ([*HIGH, 0.7, 0.9, 0.7, 0.8, 0.7], 8),
        ([*HIGH, 0.7, 1.0, 1.0, 0.7, 1.0], None),  # 0.88 on average
        ([*HIGH, 0.85, 0.85, 0.85, 0.85, 0.85], None),
        ([*HIGH, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5], 9),
        ([*HIGH, 0.5, 0.5, 0.5], None),  # not long enough to know
        ([0.2 * z for z in [*HIGH, 0.1, 0.1, 0.1, 0.1, 0.1]], None),  # nothing learnt
        ([*HIGH, 0.1, 0.1, NAN, 0.1, 0.1], None),
        ([*[0.3] * 7, 3.0, *[0.7] * 5], None),  # the best is of what was before
        ([], None),
    ],
)
def test_a_fall_begins_where_a_fifth_of_the_best_is_lost_for_five_evaluations(z, at):
    assert fall(np.array(z)) == at


@pytest.fixture
def watched(shared):
    """Twenty updates of a run each, every other watched; the runs of `climbs` on Easy-v0 fall at step 150."""
    rng, rows = np.random.default_rng(0), []
    for run in shared.planned.itertuples():
        for k in range(40):
            seen = {name: rng.uniform(0.1, 1) if k % 2 == 0 else NAN for name in COLUMNS}
            seen["hindsight_gain"] = seen["hindsight_gain"] if k else NAN
            who = {"run_id": run.run_id, "env": run.env, "label": run.label, "seed": run.seed}
            always = {"env_steps": 10 * (k + 1), "kl": rng.uniform(), "surrogate_gain": rng.uniform()}
            rows.append({**who, "update": k + 1, **always, **seen})
    return replace(shared, updates=pd.DataFrame(rows))


COLUMNS = ("natural_signal_share", "natural_square", "hindsight_gain", "start_kl", "late_kl", "start_advantage",
           "start_rows")  # fmt: skip


def test_what_is_shown_is_a_ratio_of_sums_over_the_last_watched_updates(watched):
    found = traces(watched)
    assert list(found.columns) == [*WHO, *SHOWN] and not found.aligned.any() and (found.since == found.env_steps).all()
    run = watched.updates[watched.updates.run_id == "stays-Hard-v0-2"].set_index("update")
    mine = found[found.run_id == "stays-Hard-v0-2"].set_index("env_steps")
    assert list(mine.index) == list(range(10, 401, 20))
    assert mine.signal.isna().sum() == LEAST - 1
    last = range(39 - 2 * (TOGETHER - 1), 40, 2)
    assert len(last) == TOGETHER
    here = {name: np.array([run.loc[k, name] for k in last]) for name in (*COLUMNS, "kl")}
    promised = sum(run.loc[k - 1, "surrogate_gain"] for k in last)
    expected = {
        "signal": (here["natural_signal_share"] * here["natural_square"]).sum() / here["natural_square"].sum(),
        "kept": here["hindsight_gain"].sum() / promised,
        "start_kl_ratio": here["start_kl"].sum() / here["kl"].sum(),
        "late_kl_ratio": here["late_kl"].sum() / here["kl"].sum(),
        "start_weight": here["start_advantage"].sum() / here["start_rows"].sum(),
    }
    assert mine.loc[390, list(expected)].to_dict() == pytest.approx(expected)
    assert mine.loc[390].return_mean == 12.0
    rising = found[found.run_id == "climbs-Hard-v0-2"].set_index("env_steps").return_mean
    assert [rising[step] for step in (30, 50, 90, 390)] == [2.0, 12.0, 12.0, 72.0]


def test_an_update_without_starts_counts_on_neither_side(watched):
    updates = watched.updates.copy()
    updates.loc[updates["update"] > 20, ["start_kl", "late_kl"]] = NAN
    found = traces(replace(watched, updates=updates)).groupby("run_id").last()
    run = updates[(updates.run_id == "stays-Hard-v0-2") & (updates["update"] >= 9)].dropna(subset=["start_kl"])
    ratio = run.start_kl.sum() / run.kl.sum()
    assert found.loc["stays-Hard-v0-2"].start_kl_ratio == pytest.approx(ratio)


def test_runs_that_fell_meet_where_they_did_and_the_others_of_that_environment_are_left_out(watched, monkeypatch):
    monkeypatch.setattr("analysis.blind_spot.falls", lambda results: pd.Series({"climbs-Easy-v0-1": 150.0}))
    found = traces(watched)
    easy = found[found.env == "Easy-v0"]
    assert (
        set(easy.run_id) == {"climbs-Easy-v0-1"} and (easy.since == easy.env_steps - 150).all() and easy.aligned.all()
    )
    assert found[found.env == "Hard-v0"].run_id.nunique() == 10 and not found[found.env == "Hard-v0"].aligned.any()


def test_falls_are_told_in_environment_steps(shared):
    lost = shared.evaluations.return_mean.where(shared.evaluations.env_steps < 250, 0.0)
    high = shared.evaluations.assign(return_mean=lost.where(shared.evaluations.env_steps >= 250, 50.0))
    found = falls(replace(shared, evaluations=high))
    assert found.isna().all(), "nine evaluations are too few"
    longer = [high[~high.final].assign(grid_step=high.grid_step + at, env_steps=high.env_steps + at, return_mean=value)
              for at, value in ((0, 50.0), (450, 20.0))]  # fmt: skip
    found = falls(replace(shared, evaluations=pd.concat(longer)))
    assert (found == 450).all() and len(found) == 20


def test_runs_that_were_not_watched_have_no_traces(shared):
    assert traces(shared).empty and list(traces(shared).columns) == [*WHO, *SHOWN]


def made(**columns):
    frame = pd.DataFrame({"label": "a", "run_id": np.repeat(["x", "y", "z"], 4), "since": [0.0, 1.0, 2.0, 3.0] * 3})
    return frame.assign(aligned=False, **{name: np.arange(12.0) for name in NAMES}).assign(**columns)


@pytest.mark.parametrize("quantity", NAMES)
def test_each_run_is_a_line_and_the_median_one_too(ax, quantity):
    around_fall(made(), ax, style_of(["a"]), quantity)
    assert len(ax.collections[0].get_segments()) == 3 and ax.get_ylabel() == NAMES[quantity]
    middle = ax.lines[0]
    assert list(middle.get_ydata())[-1] == 7.0 and ax.get_xlabel() == "steps"
    assert ax.get_xlim()[0] == 0


def test_the_median_ends_where_most_runs_have_and_the_fall_is_marked(ax):
    traces = made(aligned=True)
    traces = traces[(traces.run_id == "x") | (traces.since < 2)].assign(since=lambda t: t.since - 1)
    around_fall(traces, ax, style_of(["a"]), "signal")
    assert list(ax.lines[0].get_xdata()) == [-1.0, 0.0] and ax.get_xlabel() == "since the fall"
    assert any(set(line.get_xdata()) == {0} for line in ax.lines[1:])


def test_a_ratio_of_next_to_nothing_does_not_take_the_view(ax):
    around_fall(made(kept=[1.0] * 10 + [1e6, -1e6]), ax, style_of(["a"]), "kept")
    assert ax.get_ylim()[0] > 2 * KEPT[0] and ax.get_ylim()[1] < 2 * KEPT[1]
