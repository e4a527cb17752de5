"""The report of 500 runs, with the rows that runs of a million steps leave: tables, figures, bootstraps and page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from analysis_cases import row

from analysis.report import Arguments, main
from experiments.records import EvaluationRow, ReuseRow, Row, RunRow, TrialRow, UpdateRow, cell_files

ENVIRONMENTS, RULES, SEEDS = 5, 10, 10
BUDGET, BATCH, POINTS = 1_024_000, 2_048, 51  # evaluations, step 0 and the end included
NAN = float("nan")


def rows_of(run_id: str, rule: int, rng: np.random.Generator) -> list[Row]:
    """Seven rules have a radius and a line search, the last two use every batch four times."""
    updates, radius = BUDGET // BATCH, 0.02 if rule < 7 else NAN
    noise = rng.lognormal(size=(updates, 4))
    rows: list[Row] = [
        row(UpdateRow, run_id=run_id, update=k + 1, env_steps=BATCH * (k + 1), kl=0.01 * a, max_kl=0.1 * b, trials=1,
            quadratic_kl=0.01 * c, radius=radius, agreement=d, accepted=True, step_size=a, entropy=b, cg_residual=c)
        for k, (a, b, c, d) in enumerate(noise)
    ]  # fmt: skip
    rows += [row(TrialRow, run_id=run_id, update=k + 1, kl=0.01) for k in range(updates if rule < 7 else 0)]
    rows += [
        row(ReuseRow, run_id=run_id, update=k + 1, k=use, ess=1 - 0.2 * use, max_weight=0.01 * use,
            jackknife_variance=0.1 * (1 + use))
        for k in range(updates if rule > 7 else 0) for use in range(4)
    ]  # fmt: skip
    climb = np.linspace(0, 1 + 0.1 * rule, POINTS) + rng.normal(0, 0.1, POINTS)
    rows += [
        row(EvaluationRow, run_id=run_id, grid_step=k * BUDGET // (POINTS - 1), env_steps=k * BUDGET // (POINTS - 1),
            train_s=10.0 * k, action=action, final=final, episodes=20, return_mean=100 * climb[k], return_sd=30.0,
            gradient_evaluations=10 * k, fisher_products=100 * k if rule < 7 else 0)
        for action in ("sampled", "mean") for k, final in [*((k, False) for k in range(POINTS)), (POINTS - 1, True)]
    ]  # fmt: skip
    return rows


def write_matrix(folder: Path) -> Path:
    """The directory, as `run_matrix` would leave it."""
    planned = []
    rng = np.random.default_rng(0)
    for env in (f"Task{i}-v0" for i in range(ENVIRONMENTS)):
        for rule in range(RULES):
            for seed in range(SEEDS):
                cell = {"run_id": f"rule{rule}-{env}-{seed}", "env": env, "rule": "trpo", "label": f"rule{rule}"}
                cell |= {"seed": seed, "budget": BUDGET}
                run = row(RunRow, **cell, status="ok", env_steps=BUDGET, total_s=500.0, rollout_s=300.0, other_s=200.0)
                target = folder / "cells" / str(cell["run_id"])
                target.mkdir(parents=True)
                for name, data in cell_files(run, rows_of(run.run_id, rule, rng)).items():
                    (target / name).write_bytes(data)
                planned.append(cell)
    scores = {cell["env"]: [0.0, 100.0] for cell in planned}
    (folder / "manifest.json").write_text(json.dumps({"matrix": "many", "scores": scores, "cells": planned}))
    return folder


def test_report_of_500_runs(benchmark: Any, tmp_path: Path) -> None:
    benchmark.group = "report"
    folder = write_matrix(tmp_path)
    assert benchmark.pedantic(main, args=(Arguments((folder,)),), rounds=1) == 0
    benchmark.extra_info["page_MB"] = (folder / "report.html").stat().st_size / 1e6
