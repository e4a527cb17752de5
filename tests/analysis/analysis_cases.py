"""A small results directory with known numbers: two environments, two rules, five seeds, nine evaluations."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from experiments.records import EvaluationRow, Row, RunRow, UpdateRow, cell_files

GRID = tuple(range(0, 401, 50))
SCORES = {"Easy-v0": [0.0, 100.0], "Hard-v0": [-10.0, 10.0]}
SEEDS = 5


def row(kind: type[Row], **values: Any) -> Any:
    """A row whose other columns hold the emptiest value of their type."""
    empty: dict[Any, Any] = {str: "", int: 0, float: 0.0, bool: True}
    return kind(**{field.name: empty[field.type] for field in fields(kind) if field.type in empty} | values)


def curve_of(label: str, seed: int) -> list[float]:
    """`climbs` goes from 0 to 80 (+ seed), `stays` remains at 10 (+ seed)."""
    return [10.0 * k + seed for k in range(9)] if label == "climbs" else [10.0 + seed] * 9


def write_results(folder: Path, scale: float = 1.0, shift: float = 0.0) -> Path:
    """The directory, as `run_matrix` would leave it; every return R told as scale R + shift."""
    planned = []
    for env in SCORES:
        for label in ("climbs", "stays"):
            for seed in range(SEEDS):
                planned.append(write_cell(folder, env, label, seed, told=(scale, shift)))
    scores = {env: [scale * value + shift for value in pair] for env, pair in SCORES.items()}
    manifest = {"matrix": "made", "scores": scores, "cells": planned}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def write_cell(
    folder: Path,
    env: str,
    label: str,
    seed: int,
    status: str = "ok",
    reached: int = len(GRID),
    told: tuple[float, float] = (1.0, 0.0),
    returns: list[float] | None = None,
    **of_the_run: Any,
) -> dict[str, Any]:
    """One cell; a failed one has only the first `reached` evaluations. Its line of the manifest comes back."""
    cell = {"run_id": f"{label}-{env}-{seed}", "env": env, "rule": "trpo", "label": label, "seed": seed, "budget": 400}
    scale, shift = told
    values = [scale * value + shift for value in returns or curve_of(label, seed)]
    evaluations = [
        row(EvaluationRow, run_id=cell["run_id"], grid_step=step, env_steps=step, train_s=step / 100, action=action,
            final=False, episodes=4, return_mean=value, return_sd=2.0 * scale, gradient_evaluations=step // 100,
            fisher_products=step // 10 if label == "climbs" else 0)
        for step, value in list(zip(GRID, values, strict=True))[:reached] for action in ("sampled", "mean")
    ]  # fmt: skip
    if status == "ok":
        evaluations += [
            replace(e, final=True, return_mean=e.return_mean + scale) for e in evaluations if e.grid_step == GRID[-1]
        ]
    kl = [0.005, 0.015, 0.025, 0.01]
    updates = [
        row(UpdateRow, run_id=cell["run_id"], update=k + 1, env_steps=100 * (k + 1), kl=value, max_kl=3 * value,
            radius=0.02 if label == "climbs" else float("nan"), accepted=k > 0)
        for k, value in enumerate(kl)
    ]  # fmt: skip
    run = row(
        RunRow, **cell, status=status, reason="" if status == "ok" else "made up", env_steps=50 * (reached - 1),
        **{"jobs": 2, "lane": "throughput", "total_s": 10.0, "rollout_s": 4.0, "update_s": 2.0, "evaluation_s": 3.0,
           "other_s": 1.0} | of_the_run,
    )  # fmt: skip
    target = folder / "cells" / cell["run_id"]
    target.mkdir(parents=True, exist_ok=True)
    for name, data in cell_files(run, [*updates, *evaluations]).items():
        (target / name).write_bytes(data)
    return cell


def only(folder: Path, keep: Callable[[dict[str, Any]], bool]) -> None:
    """Plan no more than these cells."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["cells"] = [cell for cell in manifest["cells"] if keep(cell)]
    (folder / "manifest.json").write_text(json.dumps(manifest))
