import json

import pytest

from experiments.heartbeat import Heartbeat


@pytest.fixture
def written():
    return []


@pytest.fixture
def heartbeat(written):
    return Heartbeat(lambda data: written.append(json.loads(data)), every_s=1000.0)


def test_cells_that_begin_together_are_all_told_of(heartbeat, written):
    for run_id in ("a", "b", "c"):
        heartbeat.beat(run_id, 0, float("nan"))
    assert set(written[-1]) == {"a", "b", "c"}


def test_progress_is_told_now_and_then_and_an_end_at_once(heartbeat, written):
    for steps in range(5):
        heartbeat.beat("a", steps, 1.5)
    assert len(written) == 1 and written[0]["a"]["env_steps"] == 0
    heartbeat.end("a")
    heartbeat.end("a")
    assert len(written) == 2 and written[1] == {}
