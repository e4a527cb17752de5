"""Training speed beside other libraries: the same task, networks, batch and steps, in environment steps per CPU second.

    make compare-speed              (or, for what is installed: python tests/benchmarks/compare_speed.py)

Every side has a process and an environment of its own (`racers/`) on one processor, and trains only when it is told
to. All sides of a race train by turns, so that a ratio, which is the median of its rounds, is one of moments that
followed each other. Compiling and warming up is counted apart. A peer that is not there is named and does not race.

Equal: the task, how many environments are side by side, 64x64 tanh networks for policy and critic, the batch of an
update; for TRPO ten iterations of conjugate gradient; for PPO ten epochs of minibatches of 64. Not equal: each
normalises, fits its critic and reports as its own defaults are, which is part of what a user waits for; `ppo_adam` has
the critic of the others, ten epochs of Adam over minibatches of 64. rejax and RLtools have tasks of their own that are
part of what they compile. Nobody evaluates.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from experiments import console

ROOT, RACERS = Path(__file__).parents[2], Path(__file__).parent / "racers"
OURS = "ours"
FOLDERS = {"sbx_ppo": "-sbx", "rejax_ppo": "-rejax", "skrl_trpo": "-skrl", "rltools_ppo": "-rltools"}  # else our own
WARM_UP = 2  # sbx and rejax compile in their first two calls


@dataclass(frozen=True)
class Side:
    """Who runs what: a file of `racers`, and environments side by side."""

    racer: str
    n_envs: int = 16
    rule: str | None = None  # if not the race's


# rule, environment, ourselves, and the others
RACES: tuple[tuple[str, str, Side, tuple[Side, ...]], ...] = (
    ("trpo", "HalfCheetah-v5", Side(OURS), (Side("sb3"), Side("sb3", 1), Side("skrl_trpo"))),
    ("trpo", "HalfCheetah-v5", Side(OURS, 1), (Side("sb3", 1),)),
    ("trpo", "CartPole-v1", Side(OURS), (Side("sb3"),)),
    ("ppo", "HalfCheetah-v5", Side(OURS), (Side("sb3"), Side("sbx_ppo"))),
    ("ppo", "CartPole-v1", Side(OURS), (Side("sb3"), Side("sbx_ppo"), Side("rejax_ppo"))),
    ("ppo_adam", "CartPole-v1", Side(OURS), (Side("rejax_ppo"),)),
    ("ppo", "Pendulum-v1", Side(OURS), (Side("rejax_ppo"), Side("rltools_ppo"))),
    ("ppo_adam", "Pendulum-v1", Side(OURS), (Side("rejax_ppo"), Side("rltools_ppo"))),
    ("per_step_pg", "HalfCheetah-v5", Side(OURS), (Side(OURS, rule="vanilla_pg"),)),
    ("per_step_pg", "CartPole-v1", Side(OURS), (Side(OURS, rule="vanilla_pg"),)),
)


@dataclass(frozen=True)
class Arguments:
    rounds: int = 5
    """how often each side is timed"""
    updates: int = 5
    """updates per round"""
    batch: int = 2048
    """environment steps per update (RLtools is compiled for 2048)"""
    csv: Path | None = None
    """where to keep the table, for instance results/reference/benchmarks/compare_speed.csv"""


class Missing(Exception):
    """A side cannot race; says why."""


class Racer:
    """A process that trains when it is told to."""

    def __init__(self, side: Side, rule: str, env: str, arguments: Arguments) -> None:
        told = [side.rule or rule, env, side.n_envs, arguments.batch, arguments.updates]
        home = Path(sys.prefix + FOLDERS.get(side.racer, "")) / "bin"
        python = [home / "python", RACERS / "serve.py", side.racer]
        command = [home / side.racer] if side.racer == "rltools_ppo" else python
        if not command[0].exists():
            raise Missing(f"{command[0]} is not there")
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (open as long as the process)
        # one thread each, and the project's own modules for ourselves alone
        settings = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")} | {"JAX_PLATFORMS": "cpu"}
        if side.racer == OURS:
            settings["PYTHONPATH"] = str(ROOT)
        self.process = subprocess.Popen(
            list(map(str, [*command, *told])), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            text=True, env=os.environ | settings,
        )  # fmt: skip
        first = self._answer()
        self.who, built = first["who"], first["cpu_s"]
        self.start_s = built + sum(self.train() for _ in range(WARM_UP))  # with what it trains meanwhile

    def train(self) -> float:
        """CPU seconds of the updates of a round."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self._answer()["cpu_s"])

    def close(self) -> None:
        self.process.communicate()
        self.errors.close()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            return dict(json.loads(line))
        self.process.communicate()
        self.errors.seek(0)
        said = self.errors.read().strip().splitlines() or [f"it ended with exit code {self.process.returncode}"]
        self.errors.close()
        raise Missing(said[-1])


def start(side: Side, rule: str, env: str, arguments: Arguments) -> Racer | None:
    """The side, or None after a line that says why it does not race."""
    try:
        return Racer(side, rule, env, arguments)
    except Missing as reason:
        print(f"not raced: {side.racer} with {rule} on {env}: {reason}", flush=True)
        return None


def race(rule: str, env: str, our: Side, their: Sequence[Side], arguments: Arguments) -> list[dict[str, Any]]:
    """Rows of the table, one for each peer that is there."""
    ours = Racer(our, rule, env, arguments)
    peers = [(side, racer) for side in their if (racer := start(side, rule, env, arguments)) is not None]
    racers = [ours, *(racer for _, racer in peers)]
    rounds = [[racer.train() for racer in racers] for _ in range(arguments.rounds)]
    seconds = [list(of_one) for of_one in zip(*rounds, strict=True)]
    for racer in racers:
        racer.close()
    steps = arguments.updates * arguments.batch

    def apart(racer: Racer, times: list[float]) -> float:
        return max(0.0, racer.start_s - WARM_UP * statistics.median(times))

    rows = []
    for (side, peer), theirs in zip(peers, seconds[1:], strict=True):
        ratios = [their_s / our_s for our_s, their_s in zip(seconds[0], theirs, strict=True)]
        rows.append(
            {
                "rule": rule,
                "env": env,
                "ours": steps / statistics.median(seconds[0]),
                "our_envs": our.n_envs,
                "peer": f"our {side.rule}" if side.rule else peer.who,
                "theirs": steps / statistics.median(theirs),
                "their_envs": side.n_envs,
                "ratio": statistics.median(ratios),
                "lowest": min(ratios),
                "highest": max(ratios),
                "our_start_s": apart(ours, seconds[0]),
                "their_start_s": apart(peer, theirs),
                "load": os.getloadavg()[0],
            }
        )
    return rows


def main(arguments: Arguments) -> int:
    print(f"training steps per CPU second, batch {arguments.batch}; in brackets environments side by side")
    rows = []
    for rule, env, our, their in RACES:
        for row in race(rule, env, our, their, arguments):
            rows.append(row)
            print(
                "{rule}, {env}: {ours:,.0f} ({our_envs}), {peer} {theirs:,.0f} ({their_envs}); "
                "ratio {ratio:.2f} ({lowest:.2f} to {highest:.2f}); start {our_start_s:.1f} s, {their_start_s:.1f} s; "
                "load {load:.1f} on {cpus} processors".format(**row, cpus=os.cpu_count()),
                flush=True,
            )
        if arguments.csv is not None:  # what has been raced is kept if the rest is interrupted
            write(rows, arguments.csv)
    return 0


def write(rows: Sequence[dict[str, Any]], csv: Path) -> None:
    pd.DataFrame(rows).to_csv(csv, index=False, float_format="%.6g")


if __name__ == "__main__":
    sys.exit(console.run(main, Arguments, __doc__))
