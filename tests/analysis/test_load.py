import json
from hashlib import sha256
from shutil import rmtree

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from analysis_cases import GRID, SCORES, SEEDS, write_cell

from analysis.load import ResultsError, load


def test_frames_hold_every_planned_cell_with_its_names(results):
    assert len(results.planned) == len(results.runs) == 20
    assert len(results.updates) == 20 * 4 and len(results.evaluations) == 20 * 20
    assert {"env", "label", "seed"} <= set(results.updates) & set(results.evaluations)
    assert results.scores == {"Easy-v0": (0.0, 100.0), "Hard-v0": (-10.0, 10.0)}
    assert not results.problems


def test_a_broken_cell_is_missing_and_named(folder):
    file = folder / "cells" / "climbs-Easy-v0-3" / "updates.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    results = load(folder)
    assert len(results.runs) == 19 and len(results.planned) == 20
    assert "climbs-Easy-v0-3" in results.problems[0] and "checksum" in results.problems[0]


def test_a_cell_that_nobody_planned_is_left_out_and_named(folder):
    write_cell(folder, "Easy-v0", "climbs", 99)
    results = load(folder)
    assert len(results.runs) == 20 and results.problems == ("climbs-Easy-v0-99: not in the plan, left out",)


def rescore(folder, pair):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["scores"]["Easy-v0"] = pair
    (folder / "manifest.json").write_text(json.dumps(manifest))


def replan(folder, **changes):
    """The first cell of the plan, and nothing else, is another."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["cells"][0] |= changes
    (folder / "manifest.json").write_text(json.dumps(manifest))


EMPTY = json.dumps({"matrix": "m", "scores": {}, "cells": []})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "manifest.json").unlink(), "is not a results directory"),
        (lambda f: (f / "manifest.json").write_text("[]"), "is not a manifest"),
        (lambda f: (f / "manifest.json").write_text(EMPTY), "no finished cell"),
        (lambda f: rescore(f, [5.0, 5.0]), r"the score of Easy-v0 is \[5.0, 5.0\]; expected two returns"),
        (lambda f: rescore(f, [5.0, -5.0]), r"the score of Easy-v0 is \[5.0, -5.0\]; .* the second above"),
        (lambda f: rescore(f, [float("nan"), 5.0]), r"the score of Easy-v0 is \[nan, 5.0\]"),
        (lambda f: rescore(f, [5.0, float("inf")]), r"the score of Easy-v0 is \[5.0, inf\]"),
        (lambda f: replan(f, budget=800), "plans different budgets on Easy-v0: .*400.*800.*cannot stand in one table"),
    ],
)
def test_a_directory_that_holds_no_results_is_refused(folder, spoil, message):
    spoil(folder)
    with pytest.raises(ResultsError, match=message):
        load(folder)


FIRST = "climbs-Easy-v0-0"
NAME = "climbs/Easy-v0/seed0"


def another_cell_in_its_place(folder):
    cells = folder / "cells"
    rmtree(cells / FIRST)
    (cells / "climbs-Easy-v0-1").rename(cells / FIRST)


def without_a_column(folder):
    rewrite(folder / "cells" / FIRST, lambda table: table.drop_columns(["return_mean"]))


def evaluations_with(**values):
    """All of them with these values."""
    return lambda folder: rewrite(folder / "cells" / FIRST, lambda table: with_values(table, **values))


def with_values(table, **values):
    changed = table.to_pandas().assign(**values)
    return pa.Table.from_pandas(changed, schema=table.schema, preserve_index=False)


def rewrite(cell, change):
    """Another table of evaluations, for which the record vouches."""
    file = cell / "evaluations.parquet"
    pq.write_table(change(pq.read_table(file)), file)
    record = json.loads((cell / "record.json").read_text())
    body = {"run": record["run"], "sha256": record["sha256"] | {file.name: sha256(file.read_bytes()).hexdigest()}}
    digest = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    (cell / "record.json").write_text(json.dumps({**body, "record_sha256": digest}))


def cell_with(**changes):
    return lambda folder: write_cell(folder, "Easy-v0", "climbs", 0, **changes)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cell_with(reached=5), f"{NAME}: says ok, but evaluations end at step 200 of 400, the last policy's included"),
        (cell_with(returns=[0.0] * 4 + [float("nan")] + [80.0] * 4), "not a finite number at step 200"),
        (cell_with(returns=[0.0] * 6 + [float("inf")] + [80.0] * 2), "not a finite number at step 300"),
        (evaluations_with(return_sd=float("nan")), "a spread of returns that is not a finite number at step 0"),
        (evaluations_with(train_s=float("inf")), "a time that is not a finite number at step 0"),
        (evaluations_with(grid_step=100), "two evaluations of one policy at step 100"),
        (another_cell_in_its_place, f"{NAME}: its run_id is 'climbs-Easy-v0-1', planned was '{FIRST}'"),
        (without_a_column, "a return that is not a finite number at step 0"),
        (evaluations_with(episodes=0), f"{NAME}: an evaluation of no episodes at step 0"),
        (evaluations_with(return_sd=-1.0), f"{NAME}: a negative spread of returns at step 0"),
        (cell_with(status="fine"), f"{NAME}: unknown status 'fine'; expected one of ok, diverged"),
    ],
)
def test_a_cell_that_contradicts_its_plan_or_itself_is_missing_and_named(folder, spoil, message):
    spoil(folder)
    results = load(folder)
    assert FIRST not in set(results.runs.run_id) and FIRST in set(results.planned.run_id)
    assert (
        NAME in results.problems[0] and message in results.problems[0] and "counted as missing" in results.problems[0]
    )


@pytest.mark.parametrize("same", [{}, {"run_id": "by another name"}], ids=["all", "label, environment and seed"])
def test_a_plan_that_names_a_run_twice_is_refused(folder, same):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["cells"].append(manifest["cells"][0] | same)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ResultsError, match="plans a run twice: climbs on Easy-v0, seed 0"):
        load(folder)


def test_runs_of_one_environment_that_were_not_judged_alike_are_refused(folder):
    """They would meet at points where only some of them were."""
    evaluations_with(episodes=8)(folder)
    with pytest.raises(ResultsError, match=f"{NAME} .*were not judged at the same steps by as many"):
        load(folder)


@pytest.mark.parametrize("dropped", [50, 200, 350])
def test_a_grid_with_a_hole_is_refused(folder, dropped):
    for status in ("ok", "diverged"):
        write_cell(folder, "Easy-v0", "climbs", 0, status=status)
        rewrite(folder / "cells" / FIRST, lambda table: table.filter(pc.not_equal(table["grid_step"], dropped)))
        with pytest.raises(ResultsError, match=f"{NAME} were not judged at the same steps"):
            load(folder)


def test_a_run_that_failed_has_the_first_points_of_the_grid(folder):
    for reached in range(len(GRID) + 1):
        write_cell(folder, "Easy-v0", "climbs", 0, status="timeout", reached=reached)
        assert len(load(folder).runs) == 20


def test_protocols_of_different_major_versions_never_meet(folder):
    write_cell(folder, "Easy-v0", "climbs", 0, protocol="1.0")
    with pytest.raises(ResultsError, match=r"runs of protocols not recorded, 1.0; .* never stand in one table"):
        load(folder, mixed=True)


def test_minor_versions_may_meet(folder):
    for env in SCORES:
        for label in ("climbs", "stays"):
            for seed in range(SEEDS):
                write_cell(folder, env, label, seed, protocol=f"1.{seed}")
    assert len(load(folder).runs) == 20


def test_comparisons_that_were_declared_after_runs_are_marked(folder):
    assert not [problem for problem in load(folder).problems if "declared" in problem]
    manifest = folder / "manifest.json"
    compare = {"rules": [["climbs", "stays"]], "measure": "nauc"}
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"declared_after": 3, "compare": compare}))
    assert any("was not declared before: 3 runs had ended by then" in problem for problem in load(folder).problems)


def test_a_comparison_by_no_measure_is_refused(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["compare"] = {"rules": [["climbs", "stays"]], "measure": "luck"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ResultsError, match="it compares by 'luck'; expected nauc or final_sampled"):
        load(folder)


@pytest.mark.parametrize(
    ("changes", "scored"),
    [
        ({}, True),
        ({"environment": "CartPole-v1", "wrappers": []}, True),
        ({"wrappers": [["gymnasium.wrappers:ClipReward", {"max_reward": 0.5}]]}, False),
        ({"environment": "/mine.py:Mine"}, False),
        ({"env_kwargs": {"sutton_barto_reward": True}}, False),
    ],
)
def test_a_pinned_score_holds_for_the_environment_as_it_is_registered(tmp_path, changes, scored):
    cell = write_cell(tmp_path, "CartPole-v1", "climbs", 0)
    (tmp_path / "manifest.json").write_text(json.dumps({"matrix": "m", "scores": {}, "cells": [cell | changes]}))
    assert ("CartPole-v1" in load(tmp_path).scores) == scored
