"""Every metric on rows whose answer is known."""

import json
from math import isnan

import numpy as np
import pandas as pd
import pytest
from analysis_cases import GRID, SCORES, write_cell
from claim_cases import runs, source
from fork_cases import fork, write_forks, write_stage

from analysis.claims import metrics
from analysis.claims.metrics import METRICS, Source, settings_of

NAN = float("nan")


def values(frame, label=None):
    """(environment, label, seed) -> value."""
    kept = frame if label is None else frame[frame.label == label]
    return dict(zip(zip(kept.env, kept.label, kept.seed, strict=True), kept.value, strict=True))


def test_columns_are_taken_as_they_are_or_in_decades():
    measured = source(runs({("E", "a"): [100.0, 0.0]}, "kl_median"))
    assert list(metrics.column(measured, "kl_median").value) == [100.0, 0.0]
    first, second = metrics.log10(measured, "kl_median").value
    assert first == 2.0 and isnan(second)


def test_the_time_of_a_run_that_never_gets_there_is_that_of_its_budget():
    frame = runs({("E", "a"): [10.0, np.inf]}, "seconds_to_0.5", budget_s=1000.0)
    assert list(metrics.log10_time(source(frame)).value) == pytest.approx([1.0, 3.0])


def test_the_gap_of_rulers_is_that_of_the_spreads_of_kl_per_length():
    """A: KL = 2 * quadratic KL always, while KL / length^2 goes over two decades. B: the other way round."""
    scale = np.array([1.0, 10.0, 100.0])
    table = {"a-E-0": (0.1 / np.sqrt(scale), 5e-4), "b-E-0": (0.1, 1e-3 / scale)}
    updates = pd.concat(
        pd.DataFrame({"run_id": run, "kl": 1e-3, "step_norm": length, "quadratic_kl": quadratic}, index=range(3))
        for run, (length, quadratic) in table.items()
    )
    still = pd.DataFrame({"run_id": ["a-E-0"], "kl": [0.0], "step_norm": [0.0], "quadratic_kl": [0.0]})
    few = pd.DataFrame({"run_id": "c-E-0", "kl": [1e-3, 2e-3], "step_norm": 0.1, "quadratic_kl": 1e-3})
    measured = source(
        runs({("E", "a"): [0.0], ("E", "b"): [0.0], ("E", "c"): [0.0]}), updates=pd.concat([updates, still, few])
    )
    found = metrics.ruler_gap(measured).set_index("label").value
    assert found["a"] == pytest.approx(1.0) and found["b"] == pytest.approx(-1.0)  # sd of 0, 1, 2 decades
    assert isnan(found["c"])


SWEEP = {
    ("E", "r(lr=1,updates=1)"): [0.2, 0.9, 0.2],
    ("E", "r(lr=2,updates=1)"): [0.5, 0.5, 0.5],
    ("E", "r(lr=1,updates=4)"): [0.6, 0.6, 0.6],
    ("E", "r(lr=2,updates=4)"): [0.7, 0.1, 0.8],
    ("E", "other"): [1.0, 1.0, 1.0],
}


def test_a_tuned_score_is_that_on_the_seed_that_did_not_choose():
    found = values(metrics.tuned(source(runs(SWEEP)), "nauc", "lr"))
    # updates=1: without seed 0, lr=1 has (0.9 + 0.2) / 2 = 0.55 and is chosen; without seed 1 lr=2; without seed 2 lr=1
    assert [found["E", "r(updates=1)", seed] for seed in range(3)] == [0.2, 0.5, 0.2]
    assert [found["E", "r(updates=4)", seed] for seed in range(3)] == [0.6, 0.1, 0.6]
    assert len(found) == 6, "a label without the hyper-parameter has no score"


def test_a_sweep_that_lacks_a_run_is_missing_as_a_whole():
    frame = runs(SWEEP)
    frame.loc[0, ["status", "nauc"]] = ["missing", NAN]
    found = metrics.tuned(source(frame), "nauc", "lr").set_index(["label", "seed"])
    assert set(found.loc["r(updates=1)"].status) == {"missing"} and found.loc["r(updates=1)"].value.isna().all()
    assert set(found.loc["r(updates=4)"].status) == {"ok"}


def test_the_best_value_is_the_logarithm_of_where_the_tuned_score_is_highest():
    found = values(metrics.best_value(source(runs(SWEEP)), "nauc", "lr", "updates"))
    assert found == {("E", "r", 0): 2.0, ("E", "r", 1): 0.0, ("E", "r", 2): 2.0}


def test_the_window_of_good_steps_moves_by_the_distance_of_its_middles_in_lengths():
    """The best lr is 1 on E and 100 on F: two decades; radii of 0.01 and 1 are one decade of length apart."""
    table = {}
    for name, key, places in (("plain", "lr", (1, 10, 100)), ("ball", "max_kl", (0.01, 0.1, 1.0))):
        for place, on_e, on_f in zip(places, (1.0, 0.8, 0.1), (0.1, 0.2, 1.0), strict=True):
            table |= {("E", f"{name}({key}={place})"): [on_e], ("F", f"{name}({key}={place})"): [on_f]}
            table |= {("G", f"{name}({key}={place})"): [-1.0]}
    measured = source(runs(table))
    found = metrics.window_shift(measured, "nauc", 0.9, ["E", "F"]).set_index("label").value
    assert found.to_dict() == pytest.approx({"plain": 2.0, "ball": 1.0})
    wide = metrics.window_shift(measured, "nauc", 0.75, ["E", "F"]).set_index("label").value
    assert wide["plain"] == pytest.approx(1.5), "the middle of 1 and 10 is half a decade up"
    assert metrics.window_shift(measured, "nauc", 0.9, ["E", "G"]).value.isna().all(), "nobody learns on G"


def test_the_share_of_a_promise_that_was_not_kept(tmp_path):
    write_forks(tmp_path)  # `trpo` gains 2 + seed; its batch's surrogate says 10, held-out rows half of the gain
    write_stage(tmp_path, 9, 0, fork("trpo", 9, 0, surrogate_gain=0.0))
    missed, off = (metrics.over_promise(Source(tmp_path), name) for name in ("on_batch", "held_out"))
    assert set(missed.label) == {"trpo"}, "the rule that trained, and no other"
    assert list(missed.value[:5]) == pytest.approx([0.8, 0.7, 0.6, 0.5, 0.4]) and isnan(missed.value[5])
    assert list(off.value[:5]) == pytest.approx([-0.1, -0.15, -0.2, -0.25, -0.3])


def test_the_gap_of_a_tuning_is_what_choosing_per_environment_adds(tmp_path):
    """`steady` has one best setting; `touchy` another on each environment, and a middling one that is best for both."""
    levels = {
        "steady": {"Easy-v0": [0.5, 0.9, 0.1], "Hard-v0": [0.5, 0.9, 0.1]},
        "touchy": {"Easy-v0": [0.7, 1.0, 0.1], "Hard-v0": [0.7, 0.1, 0.9]},
    }
    cells, places = [], {}
    for rule, each in levels.items():
        for env, (low, high) in SCORES.items():
            for value, level in zip((1, 2, 3), each[env], strict=True):
                label = f"{rule}(lr={value})"
                places[label] = {"lr": value / 3}
                for seed in (100, 101):
                    cell = write_cell(tmp_path, env, label, seed, returns=[low + level * (high - low)] * len(GRID))
                    cells.append(cell | {"hyper": {"lr": value}})
    tune = {"points": 3, "seeds": [100, 101], "share": 1.0, "places": places}
    head = {"matrix": "made", "scores": SCORES, "defaults": {}, "cells": cells, "tune": tune}
    (tmp_path / "manifest.json").write_text(json.dumps(head))
    found = metrics.tuning_gap(Source(tmp_path))
    assert list(found.value[found.label == "steady"]) == pytest.approx([0.0, 0.0])
    assert list(found.value[found.label == "touchy"]) == pytest.approx([0.3, 0.2])


def test_exact_checks_are_read_by_their_name(tmp_path):
    (tmp_path / "exact.csv").write_text("check,seed,value\nmm_loss,0,-0.5\nbound_gap,0,1e-16\nmm_loss,1,-0.25\n")
    assert list(metrics.exact(Source(tmp_path), "mm_loss").value) == [-0.5, -0.25]


def test_every_metric_says_what_it_is_and_has_a_name():
    for name, metric in METRICS.items():
        assert metric.__doc__ and metric.__name__ == name
    assert settings_of("r(lr=0.1,updates=4)") == {"lr": "0.1", "updates": "4"} and settings_of("r") == {}
