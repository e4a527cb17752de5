"""Nothing is cut off and no text lies over another, in any figure, of an ordinary matrix and of a hostile one."""

import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from analysis_cases import write_cell, write_results
from layout_checks import faults
from matplotlib.figure import Figure

from analysis.claims.decide import Found
from analysis.claims.ledger import read_claims
from analysis.figures import FIGURES
from analysis.figures.claims import draw_claims
from analysis.figures.sheet import sheet_of
from analysis.inference import Interval
from analysis.load import load
from analysis.measures import measure_runs
from analysis.plots.style import theme
from analysis.published import COLUMNS

CLOCK = "Mixed seconds: runs of different machines: " + "a cpu $^_ \u89c4 " * 200
NAMES = ["a$b", "$x$", "$\\frac{$", "x_1^2", "\u89c4\u5219" * 40, "\U0001f600\U0001f9ea", "W" * 1000, "a\nb\tc\x00", "",
         "\u202eabc", "trpo(max_kl=0.01,damping=0.1,cg_iterations=10)"]  # fmt: skip

ENVIRONMENTS = ("MountainCarContinuous-v0", "InvertedDoublePendulum-v5", "Pendulum-v1", "CartPole-v1")
UNDRAWN = {
    *((kind, "claims") for kind in ("small", "sweep", "hostile", "sixty")),  # no claim is about them; drawn below
    ("hostile", "sensitivity"),  # nothing is swept
    ("small", "sensitivity"),
    ("sixty", "sensitivity"),
    ("sixty", "published"),  # nobody has published these rules
    ("sixty", "improvement"),  # more pairs than a matrix can print
}


def enriched(results):
    """Every kind of row that a figure is drawn from: re-used batches, claims, radii, a sweep."""
    sweep = {label: f'{{"lr": {10.0 ** (i % 5 - 2)}}}' for i, label in enumerate(sorted(set(results.planned.label)))}
    updates = results.updates
    rng = np.random.default_rng(0)
    values = {name: rng.lognormal(-3, 2, len(updates)) for name in ("kl", "max_kl", "quadratic_kl", "agreement")}
    values |= {name: rng.normal(0, 10, len(updates)) for name in ("predicted_bound", "achieved_bound", "claimed_gain")}
    values |= {f"true_return_{when}": rng.normal(0, 10, len(updates)) for when in ("before", "after")}
    watched = ("natural_signal_share", "natural_square", "hindsight_gain", "start_kl", "start_advantage", "start_rows")
    values |= {name: rng.lognormal(-1, 1, len(updates)) for name in watched}
    reuses = pd.concat(
        updates[["run_id", "env", "label", "seed", "update"]].assign(
            k=k, ess=1 / (1 + k), max_weight=0.001 * 3**k, jackknife_variance=0.1 * 2**k, truncated=0.0
        )
        for k in range(4)
    )
    return replace(
        results,
        updates=updates.assign(radius=0.02, **values),
        reuses=reuses,
        runs=results.runs.assign(hyper=results.runs.label.map(sweep)),
    )


def published(results):
    """Curves and single results of others on the same environments, some under hostile names."""
    sources = ["them@1:a/b", "zoo (card)", "$_^" + "W" * 200, "\u89c4"]
    rows = [
        (source, env, algo, step, 10.0 * i + step / 10, 1.0, 5, "note")
        for env in sorted(set(results.planned.env))
        for i, source in enumerate(sources)
        for algo in ("TRPO", "NPG")
        for step in ([0, 200, 400] if i % 2 == 0 else [300])
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def with_labels(results, labels, envs, seeds=5):
    """The same runs under each of the labels and environments."""

    def copies(frame):
        one = frame[(frame.label == "climbs") & (frame.seed < seeds)]
        parts = [
            part.assign(label=label, env=envs[env], run_id=part.run_id + str(i))
            for i, label in enumerate(labels)
            for env, part in one.groupby("env")
            if env in envs
        ]
        return pd.concat(parts, ignore_index=True) if parts else one

    tables = ("planned", "runs", "updates", "trials", "reuses", "evaluations")
    anchors = results.anchors[results.anchors.env.isin(list(envs))]
    made = replace(
        results, **{name: copies(getattr(results, name)) for name in tables}, anchors=anchors.replace({"env": envs})
    )
    return replace(made, planned=made.planned.assign(rule=made.planned.label.str.partition("(")[0]))


def matrix(kind, folder):
    write_results(folder)
    write_cell(folder, "Easy-v0", "climbs", 1, status="diverged", reached=3)
    write_cell(folder, "Hard-v0", "stays", 2, status="oom", reached=0)
    results = load(folder)
    plain = {env: env for env in ("Easy-v0", "Hard-v0")}
    if kind == "hostile":
        results = with_labels(results, NAMES, {"Easy-v0": "$E$_^\u89c4" + "W" * 1000, "Hard-v0": "\U0001f9ea\n"})
    elif kind == "sixty":
        results = with_labels(results, [f"rule_{i}_with_a_name" for i in range(60)], {"Easy-v0": "Easy-v0"}, seeds=3)
    elif kind == "sweep":
        results = with_labels(results, [f"npg(lr={lr:g})" for lr in (0.01, 0.1, 1, 10, 100)], plain)
    return enriched(results)


@pytest.fixture(scope="module", params=["small", "sweep", "hostile", "sixty"])
def sheet(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    results = matrix(request.param, folder)
    return request.param, sheet_of(results, measure_runs(results), folder, CLOCK, published(results))


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off_and_none_lies_over_another(sheet, name, monkeypatch):
    kind, made = sheet
    kept = []
    for module in ("sheet", "efficiency", "published"):
        monkeypatch.setattr(f"analysis.figures.{module}.save", lambda figure, *_: kept.append(figure) or [name])
    with theme(), warnings.catch_warnings():
        warnings.simplefilter("error")
        FIGURES[name](made, name)
        if (kind, name) in UNDRAWN:
            assert not kept
            return
        (figure,) = kept
        assert faults(figure) == []
    plt.close("all")


@pytest.mark.parametrize("matrix", sorted({claim.matrix for claim in read_claims()}))
def test_no_text_of_our_claims_is_cut_off(matrix, monkeypatch):
    found_faults = []

    def looked_at(figure, *_):
        found_faults.extend(faults(figure))
        plt.close(figure)
        return []

    monkeypatch.setattr("analysis.figures.claims.save", looked_at)
    mine = [claim for claim in read_claims() if claim.matrix == matrix]
    middle = Interval(0.0321, -0.123, 0.187)
    found = {
        claim.name: Found("undecided", middle, parts=tuple((env, middle) for env in claim.environments or ENVIRONMENTS))
        for claim in mine
    }
    with theme():
        for shown in ([claim] for claim in mine):
            draw_claims(shown, found, Path(), "x")
        draw_claims(mine, found, Path(), "x")
    assert found_faults == []


def test_the_check_finds_what_it_looks_for():
    figure = Figure(figsize=(2, 2))
    for x, y, text in ((0.5, 0.5, "one"), (0.52, 0.52, "two"), (0.98, 0.1, "leaving")):
        figure.text(x, y, text)
    assert faults(figure) == ["cut off: 'leaving'", "'one' over 'two'"]
    ax = Figure(figsize=(1, 1)).add_axes((0.4, 0.4, 0.05, 0.05))
    ax.tick_params(labelleft=False, labelbottom=False)
    assert faults(ax.figure) == ["a panel of 5 x 5"]
