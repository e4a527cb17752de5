import json

import numpy as np
import pandas as pd
from analysis_cases import write_cell, write_results

from analysis.in_short import MOST, in_short
from analysis.load import load
from analysis.page.evidence import gather


def test_a_row_per_environment_and_rule_with_intervals_and_the_verdicts(folder):
    bundle = gather(load(folder))
    lines = in_short(bundle).splitlines()
    assert lines[0] == "made" and lines[1].split() == ["environment", "rule", "ok", "final", "return", "nAUC"]
    first = bundle.summary.iloc[0]
    assert lines[2].split()[:5] == [
        "Easy-v0",
        "climbs",
        "5/5",
        f"{first.final_sampled:.3g}",
        f"[{first.final_sampled_low:.3g},",
    ]
    counted = dict(reversed(part.split(" ", 1)) for part in lines[6].removeprefix("verdicts: ").split(", "))
    assert {k: int(v) for k, v in counted.items()} == bundle.comparisons.verdict.value_counts().to_dict()
    assert len(lines) == 7 and max(map(len, lines)) <= 100


def test_failures_are_counted_by_kind(tmp_path):
    write_results(tmp_path)
    for seed in (0, 1):
        write_cell(tmp_path, "Hard-v0", "stays", seed, status="diverged", reached=3)
    said = in_short(gather(load(tmp_path)))
    assert "failed:   2 diverged" in said and "3/5" in said


def test_a_large_matrix_is_cut_and_says_so(folder):
    bundle = gather(load(folder))
    rows = pd.concat([bundle.summary] * 20, ignore_index=True).assign(final_sampled_low=np.nan)
    lines = in_short(type(bundle)(**{**vars(bundle), "summary": rows})).splitlines()
    assert f"... and {len(rows) - MOST} rows more" in lines and "[" not in lines[2].split("5/5")[1].split("  ")[1]


def test_an_environment_without_a_score_has_the_command_that_measures_what_it_begins_with(tmp_path):
    write_results(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    del manifest["scores"]["Hard-v0"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"file": "my runs/mine.toml"}))
    assert in_short(gather(load(tmp_path))).splitlines()[-1] == (
        "no score: Hard-v0; what random actions return: policy-ascent references --matrix 'my runs/mine.toml' "
        "--environments Hard-v0"
    )
