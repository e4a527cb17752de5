import math

import pandas as pd
import pytest

from analysis.measures.cost import cost
from experiments.records import PHASES

RUN = pd.Series(
    dict.fromkeys(PHASES, 0.0)
    | {"rollout_s": 4.0, "update_s": 2.0, "evaluation_s": 3.0, "other_s": 1.0}
    | {"total_s": 10.0, "cpu_s": 9.0, "peak_rss_mb": 300.0, "env_steps": 700, "budget": 700, "status": "ok"}
)


def test_evaluation_is_not_training():
    told = cost(RUN)
    assert told["steps_per_s"] == 100 and told["rollout_share"] == 0.4
    assert told["update_s_per_1000_steps"] == pytest.approx(2000 / 700)
    assert told["unaccounted_share"] == pytest.approx(0)


def test_compilation_is_not_training_and_an_older_row_knows_of_none():
    slower = RUN.copy()
    slower["compile_s"], slower["total_s"] = 2.5, 12.5
    assert cost(slower)["steps_per_s"] == 100 and cost(slower)["compile_share"] == 0.2
    assert cost(slower)["unaccounted_share"] == pytest.approx(0)
    slower["compile_s"], slower["total_s"] = math.nan, 10.0
    assert cost(slower)["steps_per_s"] == 100 and cost(slower)["compile_share"] == 0


def test_a_run_that_failed_is_counted_on_at_its_pace():
    assert cost(RUN)["budget_s"] == 7
    failed = RUN.copy()
    failed["status"], failed["budget"] = "diverged", 2100
    assert cost(failed)["budget_s"] == 21


def test_a_clock_that_lost_seconds_is_seen():
    slower = RUN.copy()
    slower["total_s"] = 12.5
    assert cost(slower)["unaccounted_share"] == pytest.approx(0.2)


def test_a_run_that_did_nothing_has_no_rates():
    nothing = cost(pd.Series(dict.fromkeys(RUN.index, 0.0) | {"status": "env_error"}))
    assert all(math.isnan(nothing[name]) for name in ("budget_s", "steps_per_s", "rollout_share"))
