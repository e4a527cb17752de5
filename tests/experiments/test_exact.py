"""The checks of theory find nothing where theory holds, and something where it is broken."""

import csv
import math

import pytest
import torch

from algos.exact import FiniteMDP
from experiments import exact
from experiments.exact import CHECKS, Arguments, main, problem

SEEDS = (100, 101, 102)


@pytest.mark.parametrize("seed", SEEDS)
def test_theory_holds(seed):
    for name in ("bound_violation", "bound_gap", "mm_loss", "surrogate_gradient", "variance_error"):
        assert CHECKS[name](problem(seed)) < 1e-9


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("bound_violation", ("minorizer", lambda mdp, old, new: mdp.surrogate(old, new))),  # no penalty
        ("bound_gap", ("minorizer", lambda mdp, old, new: mdp.surrogate(old, new) - 1e-6)),
        ("mm_loss", ("minorizer", lambda mdp, old, new: mdp.surrogate(old, new))),
        ("variance_error", ("variance", lambda target, behaviour, f: (target * target / behaviour * f**2).sum())),
    ],
)
def test_what_is_broken_is_found(name, broken, monkeypatch):
    monkeypatch.setattr(exact, *broken)
    assert max(CHECKS[name](problem(seed)) for seed in range(100, 112)) > 1e-9


def test_a_gradient_that_is_not_the_returns_is_found(monkeypatch):
    monkeypatch.setattr(FiniteMDP, "visitation", lambda self, pi: torch.ones(self.n_states, dtype=torch.float64))
    assert CHECKS["surrogate_gradient"](problem(100)) > 1e-2


def test_the_variance_of_weights_is_chi_square():
    target, half = torch.tensor([0.9, 0.1]).double(), torch.tensor([0.5, 0.5]).double()
    assert float(exact.variance(target, half, torch.ones(2).double())) == pytest.approx(2 * (0.81 + 0.01) - 1)


def test_the_policy_lies_at_the_divergence_that_was_asked_for():
    given = problem(100)
    visitation = given.mdp.visitation(given.pi)
    states = visitation / visitation.sum()
    pi = exact.moved(given, given.normal(), states, 0.3)
    assert float(states @ exact.state_kl(pi, given.pi)) == pytest.approx(0.3)


def test_the_command_writes_every_check_of_every_problem(tmp_path):
    assert main(Arguments(SEEDS[:2], tmp_path)) == 0
    rows = list(csv.DictReader((tmp_path / "exact.csv").read_text().splitlines()))
    assert [(row["check"], int(row["seed"])) for row in rows] == [(name, s) for name in CHECKS for s in SEEDS[:2]]
    assert all(math.isfinite(float(row["value"])) for row in rows)
    assert float(rows[0]["value"]) == CHECKS["bound_violation"](problem(100)), "the same again"
