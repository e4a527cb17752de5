"""Evidence with known contents: comparisons and a calibration, hostile names, a large matrix, published curves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from analysis_cases import row

from analysis.anchors import given
from analysis.calibration import COLUMNS as RATES
from analysis.compare import COLUMNS
from analysis.load import Results
from analysis.page.evidence import Evidence, gather
from experiments.records import EvaluationRow, ReuseRow, RunRow, TrialRow, UpdateRow, frame

NAN = float("nan")
HOSTILE = (
    "</script><b>b</b><script>window.bad=1</script><img src=x onerror=window.bad=2>\"'`\u2028\u2029{{7*7}} %{x} "
    "<!-- | a\nb &amp; \x00 " + "long" * 100
)
PUBLISHED = (
    "source,env,algo,env_step,mean,std,n_seeds,note\n"
    "them@1,EASY-v0,TRPO(mpi),0,1,,10,training return\n"
    "them@1,EASY-v0,TRPO(mpi),300,70,5,10,training return\n"
    "them@1,Easy-v5,A2C,0,1,,10,training return\n"
    "them@1,Elsewhere-v0,PPO,0,1,,10,training return\n"
)


def comparisons(first: str = "climbs", second: str = "stays") -> pd.DataFrame:
    """Two verdicts, one of them undecided."""
    pair = (first, second, "nauc", "mean of paired differences", "sign-flip permutation", 8, 8)
    rows = [
        ("Easy-v0", *pair, 0.3, 0.2, 0.4, 12.5, 0.008, 0.0078, 0.016, "better", NAN, NAN),
        ("Hard-v0", *pair, -0.1, -0.4, 0.2, 3.9, 0.4, 0.0078, 0.4, "undecided", 0.5, 38.0),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def calibration(decision: str = "permutation on nAUC") -> pd.DataFrame:
    rates = [("false positives", "Easy-v0", decision, True, 6, 1_000, 48, 0.048, 0.036, 0.063)]
    return pd.DataFrame(rates, columns=list(RATES))


def whole(results: Results) -> Evidence:
    """Everything that a page can show."""
    note = "Holm over two comparisons."
    return replace(gather(results), comparisons=comparisons(), note=note, calibration=calibration())


def hostile(results: Results) -> Evidence:
    """The same with one hostile text for every environment, label, reason, status, version, machine and setting."""
    names = {"climbs": "climbs" + HOSTILE, "stays": "stays" + HOSTILE, "Easy-v0": "Easy-v0" + HOSTILE}

    def renamed(table: pd.DataFrame) -> pd.DataFrame:
        columns = {name: table[name].replace(names) for name in ("env", "label") if name in table}
        return table.assign(**columns)

    texts = ("reason", "cpu", "code", "versions", "settings", "hyper", "rule", "lane")
    runs = renamed(results.runs).assign(**dict.fromkeys(texts, HOSTILE))
    runs.loc[0, "status"] = HOSTILE
    results = replace(
        results,
        name=HOSTILE,
        planned=renamed(results.planned).assign(rule=HOSTILE),
        runs=runs,
        evaluations=renamed(results.evaluations),
        updates=renamed(results.updates),
        anchors=renamed(results.anchors),
        problems=(HOSTILE,),
    )
    told = comparisons(names["climbs"], names["stays"]).assign(env=HOSTILE, measure=HOSTILE, verdict=HOSTILE)
    return replace(gather(results), comparisons=told, note=HOSTILE, calibration=calibration(HOSTILE))


def large(folder: Path, runs: int = 500, points: int = 50) -> Results:
    """A matrix of five environments and ten rules; returns and counters with all their digits."""
    rng = np.random.default_rng(0)
    cells = [
        {"run_id": f"r{i}", "env": f"Env{i % 5}-v0", "rule": "trpo", "label": f"rule{i // 5 % 10}", "seed": i // 50}
        | {"budget": 1_000_000}
        for i in range(runs)
    ]
    evaluations = [
        row(EvaluationRow, run_id=cell["run_id"], grid_step=k * 20_480, env_steps=k * 20_480, train_s=k + rng.random(),
            action="sampled", final=k == points, episodes=10, return_mean=1e4 * rng.normal(), return_sd=1.0,
            gradient_evaluations=k * 20, fisher_products=k * 217)
        for cell in cells for k in range(points + 1)
    ]  # fmt: skip
    (folder / "manifest.json").write_text("{}")
    planned = pd.DataFrame(cells)
    who = planned[["run_id", "env", "label", "seed"]]
    updates, trials, reuses = (
        who.iloc[:0].merge(frame(kind, []), on="run_id") for kind in (UpdateRow, TrialRow, ReuseRow)
    )
    rows = [row(RunRow, **cell, status="ok", reason="", total_s=1.0, settings='{"gamma":0.99}') for cell in cells]
    made = who.merge(frame(EvaluationRow, evaluations), on="run_id")
    anchors = pd.concat([given(f"Env{e}-v0", -100.0, 100.0) for e in range(5)], ignore_index=True)
    return Results("large", folder, planned, frame(RunRow, rows), updates, trials, reuses, made, anchors, (), None, {})
