"""Claims and rows whose verdict is known."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from analysis.claims.ledger import Claim
from analysis.claims.metrics import Source

BETTER = Claim("X1", "a is better", "made", "m", "nauc", "better", ("a", "b"), "f", smallest_effect=0.1)


def rows(
    shift: float,
    noise: float = 0.02,
    n: int = 10,
    share: float = 0.9,
    envs: tuple[str, ...] = ("E-v0", "F-v0"),
    status: str = "ok",
    draw: int = 0,
) -> pd.DataFrame:
    """Runs of two rules whose nAUC differ by `shift`, each with its own noise."""
    rng = np.random.default_rng(draw)
    return pd.DataFrame(
        {"env": env, "label": label, "seed": seed, "status": status, "budget": 100,
         "share": share + noise * rng.normal(), "nauc": 0.5 + (shift if label == "a" else 0) + noise * rng.normal()}
        for env in envs for label in ("a", "b") for seed in range(n)
    )  # fmt: skip


def runs(values: dict[tuple[str, str], list[float]], name: str = "nauc", **more: Any) -> pd.DataFrame:
    """A row per run: (environment, label) -> the values of its seeds."""
    return pd.DataFrame(
        {
            "run_id": f"{label}-{env}-{seed}",
            "env": env,
            "label": label,
            "seed": seed,
            "status": "ok",
            name: value,
            **more,
        }
        for (env, label), each in values.items()
        for seed, value in enumerate(each)
    )


def source(measures: pd.DataFrame, **results: Any) -> Source:
    """A results directory that has been read."""
    read: Any = (SimpleNamespace(**results), measures)
    return Source(Path(), read)
