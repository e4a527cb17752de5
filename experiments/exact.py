"""What theory says of policies, on random problems where every quantity is known in closed form, in double precision.

python -m experiments.exact                   writes results/exact/exact.csv, which claims are decided by

A row per check and random problem (`random_mdp`, one per seed): a minute or two on one core. Exit code 0.
"""

import csv
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from algos.exact import FiniteMDP, minorizer, random_mdp
from algos.exact.bounds import state_kl
from algos.policies import Categorical, Policy
from experiments import console
from experiments.records import write_atomically

STATES, ACTIONS = 8, 4
GAMMAS = (0.5, 0.9, 0.99)  # one seed after the other
DISTANCES = (1e-3, 0.1, 1.0, 10.0)  # of the logits of a policy that is tried
TRIED = 50  # policies at each distance
ASCENTS = 20  # steps of minorize-maximize
LONGEST, SHORTEST = 4.0, 1e-9  # lengths that are tried
NEAR, FAR = 0.1, 1.0  # mean KL, nats


@dataclass(frozen=True)
class Arguments:
    seeds: tuple[int, ...] = tuple(range(100))
    """of the random problems"""
    out: Path = Path("results/exact")
    """results directory"""


@dataclass(frozen=True)
class Problem:
    """An MDP, the logits [S, A] of a policy, and where more randomness comes from."""

    mdp: FiniteMDP
    logits: Tensor
    generator: torch.Generator

    @property
    def pi(self) -> Tensor:
        return self.logits.softmax(-1)

    def normal(self) -> Tensor:
        return torch.randn(self.logits.shape, generator=self.generator, dtype=torch.float64)

    def frequencies(self) -> Tensor:
        """How often each state and action comes [S, A], as a distribution: under the policy's discounted visitation."""
        visitation = self.mdp.visitation(self.pi)
        return (visitation / visitation.sum()).unsqueeze(-1) * self.pi


def problem(seed: int) -> Problem:
    """The random problem of this seed, and a policy there."""
    generator = torch.Generator().manual_seed(seed)
    mdp = random_mdp(STATES, ACTIONS, GAMMAS[seed % len(GAMMAS)], generator)
    return Problem(mdp, torch.randn(STATES, ACTIONS, generator=generator, dtype=torch.float64), generator)


def bound_violation(given: Problem) -> float:
    """The most by which the bound M (Schulman et al. 2015, theorem 1) lies above the return, of all policies tried."""
    mdp, old = given.mdp, given.pi
    tried = [(given.logits + distance * given.normal()).softmax(-1) for distance in DISTANCES for _ in range(TRIED)]
    return max(float(minorizer(mdp, old, new) - mdp.eta(new)) for new in tried)


def bound_gap(given: Problem) -> float:
    """How far the bound is from the return at the old policy, where it should touch."""
    return float((minorizer(given.mdp, given.pi, given.pi) - given.mdp.eta(given.pi)).abs())


def mm_loss(given: Problem) -> float:
    """The largest fall of the return in a step that improves the bound: in random directions that lead uphill,
    quartered until it does; a direction in which doubles cannot tell is left. (Along the advantages of every state, no
    step would lose return, whatever the bound.)"""
    mdp, logits, worst = given.mdp, given.logits, -float("inf")
    for _ in range(ASCENTS):
        old = logits.softmax(-1)
        gradient = mdp.visitation(old).unsqueeze(-1) * old * mdp.advantage(old)
        direction = given.normal()
        direction = direction * (gradient * direction).sum().sign()
        before, step = float(mdp.eta(old)), LONGEST
        while step > SHORTEST and float(minorizer(mdp, old, (logits + step * direction).softmax(-1))) <= before:
            step /= 4
        if step > SHORTEST:
            logits = logits + step * direction
            worst = max(worst, before - float(mdp.eta(logits.softmax(-1))))
    return worst


def surrogate_gradient(given: Problem) -> float:
    """Relative distance between the gradients at theta_old of mean(log pi A) and of mean(pi / pi_old A), and of both
    from that of the true return; of a small network."""
    policy, states = Policy.mlp(STATES, (16,), Categorical(ACTIONS)), torch.eye(STATES, dtype=torch.float64)
    theta = torch.randn(policy.network.size, generator=given.generator, dtype=torch.float64)
    old = policy.outputs(theta, states).softmax(-1)
    weight, advantage = given.mdp.visitation(old).unsqueeze(-1) * old, given.mdp.advantage(old)
    leaf = theta.clone().requires_grad_()
    log_pi = policy.outputs(leaf, states).log_softmax(-1)
    objectives = (
        (weight * log_pi * advantage).sum(),
        (weight * (log_pi - old.log()).exp() * advantage).sum(),
        given.mdp.eta(log_pi.exp()),
    )
    plain, sampled, true = (torch.autograd.grad(each, leaf, retain_graph=True)[0] for each in objectives)
    return float(max((sampled - plain).norm(), (true - plain).norm()) / plain.norm())


def variance_error(given: Problem) -> float:
    """Relative error of E_P[P/Q f^2] - E_P[f]^2 as the variance of (P/Q) f under Q, written out over all outcomes."""
    behaviour = given.frequencies()
    target = Problem(given.mdp, given.logits + given.normal(), given.generator).frequencies()
    f = given.mdp.advantage(given.pi)
    values = target / behaviour * f
    direct = (behaviour * (values - (behaviour * values).sum()) ** 2).sum()
    return float((variance(target, behaviour, f) - direct).abs() / direct)


def variance_growth(given: Problem) -> float:
    """log10 of how many times the variance of the weights themselves (f = 1) grows as the target's mean KL from the
    behaviour grows tenfold, to 1 nat: 1 were it in proportion. (It is exp(KL) - 1 at least.)"""
    direction, visitation = given.normal(), given.mdp.visitation(given.pi)
    states, one = visitation / visitation.sum(), torch.ones_like(given.pi)
    near, far = (states.unsqueeze(-1) * moved(given, direction, states, kl) for kl in (NEAR, FAR))
    behaviour = given.frequencies()
    return float(torch.log10(variance(far, behaviour, one) / variance(near, behaviour, one)))


def moved(given: Problem, direction: Tensor, states: Tensor, kl: float) -> Tensor:
    """The policy along a direction of the logits at which the mean of KL(policy || old) is `kl`, by bisection."""
    low, high = 0.0, 100.0
    for _ in range(80):
        middle = (low + high) / 2
        pi = (given.logits + middle * direction).softmax(-1)
        low, high = (middle, high) if float(states @ state_kl(pi, given.pi)) < kl else (low, middle)
    return (given.logits + low * direction).softmax(-1)


def variance(target: Tensor, behaviour: Tensor, f: Tensor) -> Tensor:
    """E_P[P/Q f^2] - E_P[f]^2: of one importance-weighted sample (P/Q) f, drawn from Q."""
    return (target * target / behaviour * f**2).sum() - (target * f).sum() ** 2


CHECKS: dict[str, Callable[[Problem], float]] = {
    check.__name__: check
    for check in (bound_violation, bound_gap, mm_loss, surrogate_gradient, variance_error, variance_growth)
}


def main(arguments: Arguments) -> int:
    """The exit code."""
    sink = io.StringIO()
    rows = csv.writer(sink, lineterminator="\n")
    rows.writerow(("check", "seed", "value"))
    for name, check in CHECKS.items():
        for seed in arguments.seeds:
            rows.writerow((name, seed, repr(check(problem(seed)))))
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_atomically(arguments.out / "exact.csv", sink.getvalue().encode())
    print(arguments.out / "exact.csv")
    return 0


if __name__ == "__main__":
    sys.exit(console.run(main, Arguments, __doc__))
