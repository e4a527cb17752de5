"""What a run cost."""

import math
from typing import Any

from experiments.records import PHASES

NAN = float("nan")


def cost(run: Any) -> dict[str, float]:
    """Of a RunRow: the phases' shares of its seconds, training steps per second, CPU, memory.

    Training is all but evaluation and compilation. `budget_s` is what that takes for the whole budget: for a run that
    failed, at the pace that it had.
    `unaccounted_share` is what the phases leave of the whole; more than 0.01 means that a clock is wrong.
    """
    seconds = {phase: 0.0 if math.isnan(run[phase]) else run[phase] for phase in PHASES}  # nan: an older row has none
    training = run.total_s - run.evaluation_s - seconds["compile_s"]
    to_the_end = 1.0 if run.status == "ok" else run.budget / run.env_steps if run.env_steps else NAN
    shares = {f"{phase[:-2]}_share": s / run.total_s if run.total_s > 0 else NAN for phase, s in seconds.items()}
    return {
        **shares,
        "unaccounted_share": abs(1 - sum(shares.values())),
        "total_s": run.total_s,
        "budget_s": training * to_the_end,
        "cpu_s": run.cpu_s,
        "peak_rss_mb": run.peak_rss_mb,
        "steps_per_s": run.env_steps / training if training > 0 else NAN,
        "update_s_per_1000_steps": 1000 * run.update_s / run.env_steps if run.env_steps else NAN,
    }
