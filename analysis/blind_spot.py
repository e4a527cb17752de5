"""What a step does where its batch does not look, along a run and around the point where the run loses what it had.

Of runs with `diagnose_every` in their settings. What is noisy in one batch is a ratio of sums over TOGETHER watched
updates, the last of which it stands at: nothing in it is later.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.load import Results
from analysis.measures import curves
from analysis.measures.efficiency import WINDOW

Array = NDArray[np.float64]
TOGETHER, LEAST = 16, 4  # watched updates
LOST = 0.2  # of the best mean of five evaluations
LEARNT = 0.25  # score from which there is something to lose
NAN = float("nan")
WHO = ("run_id", "env", "label", "seed", "env_steps", "since", "aligned")
SHOWN = ("return_mean", "signal", "kept", "start_kl_ratio", "late_kl_ratio", "start_weight")


def falls(results: Results) -> pd.Series:
    """run_id -> environment steps of the evaluation where it fell; nan where it did not, or there are no scores."""
    points = curves(results)
    found = {str(run): fall(part.z.to_numpy(float)) for run, part in points.groupby("run_id")}
    steps = {str(run): part.grid_step.to_numpy(float) for run, part in points.groupby("run_id")}
    return pd.Series({run: NAN if at is None else steps[run][at] for run, at in found.items()}, dtype=float)


def fall(z: Array) -> int | None:
    """The place in the scores z [K] of a run from which it has lost LOST of what it had; None if it never has.

    That is the first score below (1 - LOST) of the best mean of five successive ones so far, where the mean of five
    from there on, itself included, is below it, too. Milder and earlier than `stability.collapse`, which asks for half.
    """
    if len(z) < 2 * WINDOW or np.isnan(z).any():
        return None
    means = np.lib.stride_tricks.sliding_window_view(z, WINDOW).mean(-1)
    for at in range(WINDOW, len(means)):
        best = means[: at - WINDOW + 1].max()
        if best > LEARNT and max(z[at], means[at]) < (1 - LOST) * best:
            return at
    return None


def traces(results: Results) -> pd.DataFrame:
    """A row per watched update: run_id, env, label, seed, env_steps, and

    - `since`: steps since its run's fall; on environments where no run fell, since its start. Where one fell, the runs
      that did not are left out, and `aligned` is true;
    - `return_mean` of the last evaluation;
    - `signal`: share of the natural gradient that is signal;
    - `kept`: hindsight gain of steps, over what the surrogate of their own batches promised;
    - `start_kl_ratio`, `late_kl_ratio`: KL at starts, and in the last third of episodes, over the mean KL;
    - `start_weight`: share of squared advantages at starts, over their share of rows.
    """
    fallen = falls(results)
    updates = results.updates.assign(fall=results.updates.run_id.map(fallen))
    updates["aligned"] = updates.groupby("env").fall.transform("count") > 0
    updates = updates[~updates.aligned | updates.fall.notna()]
    parts = [_traced(part.sort_values("update")) for _, part in updates.groupby("run_id")]
    columns = [*WHO, *SHOWN]
    whole = pd.concat([part for part in parts if len(part)] or [updates.iloc[:0].reindex(columns=columns)])
    judged = results.evaluations[(results.evaluations.action == "sampled") & ~results.evaluations.final]
    judged = judged[["run_id", "env_steps", "return_mean"]].sort_values("env_steps")
    whole = whole.drop(columns="return_mean", errors="ignore").sort_values("env_steps")
    if len(whole):
        whole = pd.merge_asof(whole, judged, on="env_steps", by="run_id")
    return whole.reindex(columns=columns).sort_values(["env", "label", "seed", "env_steps"], ignore_index=True)


def _traced(run: pd.DataFrame) -> pd.DataFrame:
    promised = run.surrogate_gain.shift(1)
    run = run.assign(promised=promised.where(run.hindsight_gain.notna()), started=run.fall.fillna(0))
    run = run[run.natural_square > 0]
    sums = {
        "signal": (run.natural_signal_share * run.natural_square, run.natural_square),
        "kept": (run.hindsight_gain, run.promised),
        "start_kl_ratio": (run.start_kl, run.kl.where(run.start_kl.notna())),
        "late_kl_ratio": (run.late_kl, run.kl.where(run.late_kl.notna())),
        "start_weight": (run.start_advantage, run.start_rows),
    }
    found = {name: _sum(above) / _sum(below).where(lambda s: s > 0) for name, (above, below) in sums.items()}
    return run.assign(**found, since=run.env_steps - run.started)


def _sum(values: pd.Series) -> pd.Series:
    """Of what is known in the last TOGETHER rows, LEAST of them or more; nan where nothing is."""
    whole = values.fillna(0).rolling(TOGETHER, 1).sum()
    return whole.where(values.notna().rolling(TOGETHER, LEAST).sum() > 0)
