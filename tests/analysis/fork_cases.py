"""A small directory of forks with known numbers: five rules, of which two make the same steps, and five seeds."""

from pathlib import Path
from typing import Any

from analysis_cases import row

from experiments.records import ForkRow, parquet

SEEDS, STAGES, UNIT = 5, (0, 2048), 10.0
RULES = {"trpo": 2.0, "short": 1.0, "far": -8.0, "still": 0.0, "double": 2.0}  # label: gain at seed 0


def fork(label: str, seed: int, env_steps: int, **values: Any) -> ForkRow:
    """`trpo` gains 2 + seed, and `double` makes its steps; `short` gains 1 + 2 seed, `far` loses 8; `still` stays."""
    gain = RULES[label] + seed * {"trpo": 1.0, "short": 2.0, "double": 1.0}.get(label, 0.0)
    same = "trpo" if label == "double" else label
    size = abs(RULES[label])
    known: dict[str, Any] = {
        "run_id": f"Easy-v0-trpo-{seed}",
        "env": "Easy-v0",
        "trunk": "trpo",
        "seed": seed,
        "env_steps": env_steps,
        "batch_size": 2048,
        "rule": label,
        "label": label,
        "status": "ok",
        "theta_digest": f"{same}{seed}{env_steps}",
        "accepted": label != "still",
        "predicted_gain": size,
        "surrogate_gain": size / 2,
        "held_out_gain": gain / 20,
        "achieved_bound": size / 4,
        "kl": size / 100,
        "max_kl": size / 10,
        "step_norm": size,
        "return_before": 100.0,
        "return_after": 100.0 + gain,
        "episodes": 64,
        "exact": False,
        "return_unit": UNIT,
        "update_s": 0.01,
    }
    return row(ForkRow, **known | values)  # type: ignore[no-any-return]


def write_stage(folder: Path, seed: int, env_steps: int, *rows: ForkRow) -> Path:
    """One file, of `rows` or of every rule."""
    made = list(rows) or [fork(label, seed, env_steps) for label in RULES]
    (folder / "forks").mkdir(parents=True, exist_ok=True)
    file = folder / "forks" / f"{made[0].env}-{made[0].trunk}-{seed}-{env_steps}.parquet"
    file.write_bytes(parquet(ForkRow, made))
    return file


def write_forks(folder: Path) -> Path:
    """The directory, as `run_forks.py` would leave it."""
    for seed in range(SEEDS):
        for env_steps in STAGES:
            write_stage(folder, seed, env_steps)
    return folder
