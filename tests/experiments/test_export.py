"""Curves for trackers, from a small matrix with one cell of every kind."""

import sys
from unittest.mock import Mock

import pytest

from experiments.management import export
from experiments.records import PROTOCOL, read_cell


def test_curves_go_to_tensorboard(manage, results, specs):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", exc_type=ImportError)
    assert manage("export", results, "--to", "tensorboard").returncode == 0
    events = accumulator.EventAccumulator(str(results / "tensorboard" / specs["ok"].run_id))
    events.Reload()
    told = {event.step: event.value for event in events.Scalars("train/kl")}
    kl = read_cell(results / "cells" / specs["ok"].run_id).tables["updates"].set_index("env_steps").kl
    assert told == pytest.approx(dict(kl), rel=1e-6) and len(events.Scalars("evaluation/sampled")) == 3
    folders = sorted(path.name for path in (results / "tensorboard").iterdir())
    assert manage("export", results, "--to", "tensorboard").returncode == 0
    assert sorted(path.name for path in (results / "tensorboard").iterdir()) == folders
    assert len(list((results / "tensorboard" / specs["ok"].run_id).iterdir())) == 1, "in the place of the one before"


def test_curves_go_to_an_offline_run_of_wandb(manage, results):
    pytest.importorskip("wandb")
    assert manage("export", results, "--to", "wandb").returncode == 0
    assert len(list((results / "wandb").rglob("*.wandb"))) == 2


def test_an_export_says_under_which_protocol_the_runs_ran(results, monkeypatch):
    begun = []
    monkeypatch.setitem(export.TRACKERS, "list", lambda _, plan: begun.append(plan) or Mock())
    assert export.export(results, "list", None) == 0
    assert [plan["protocol"] for plan in begun] == [PROTOCOL] * 2


def test_without_the_tracker_the_extra_is_named(manage, results, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    done = manage("export", results, "--to", "wandb")
    assert done.returncode == 2 and "pip install 'policy-ascent[wandb]'" in done.stderr
