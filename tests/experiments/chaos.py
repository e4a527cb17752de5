"""A small matrix under a seeded stream of faults, restarted until it is done; its tables must equal a calm run's.

A matrix that is done before the time is up is begun anew elsewhere.

python tests/experiments/chaos.py --seconds 600      the long soak; --seed for other faults
"""

import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import tyro
from cell_processes import cells_alive
from untimed_cells import cells

RUN = [sys.executable, str(Path(__file__).parents[2] / "experiments" / "run_matrix.py")]
MATRIX = """
seeds = {seeds}
[settings]
n_envs = 4
batch_size = 64
hidden = [8, 8]
evaluations = 8
eval_episodes = 2
final_episodes = 2
checkpoint_every = 512
[environments.Pendulum-v1]
budget = 4_096
[environments.CartPole-v1]
budget = 4_096
[rules.trpo]
[rules.ppo]
"""


@dataclass(frozen=True)
class Arguments:
    seconds: float = 60.0
    """how long faults are injected; after that the matrix is left in peace to end"""
    seed: int = 0
    """of the faults"""
    seeds: int = 3
    """of the matrix: 4 cells for each"""
    every: float = 1.5
    """mean seconds from one fault to the next"""


@dataclass
class Chaos:
    """Injects faults into runs of the matrix in `folder`."""

    folder: Path
    random: random.Random
    injected: Counter[str] = field(default_factory=Counter)
    starts: int = 0

    def run(self, peace: float, every: float) -> None:
        """Start the matrix again and again until it ends well; from `peace` on, by the monotonic clock, undisturbed."""
        while True:
            self.starts += 1
            driver = subprocess.Popen(
                [*RUN, "m.toml", "--jobs", "2", "--no-report", "--silence-minutes", "0.1"],
                cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            while driver.poll() is None:
                wait = self.random.expovariate(1 / every)
                try:
                    driver.wait(min(wait, 5.0))
                except subprocess.TimeoutExpired:
                    if time.monotonic() < peace:
                        self.fault(driver)
            told = driver.communicate()[1]
            # when it is killed while it imports, a process in which glfw asks for its library complains of that
            assert driver.returncode == -signal.SIGKILL or "Traceback" not in told, told
            if driver.returncode == 0:
                return
            assert time.monotonic() < peace + 300, f"left in peace it does not end: {driver.returncode}, {told}"

    def fault(self, driver: subprocess.Popen[str]) -> None:
        """One fault of a random kind, if there is something for it to hit."""
        kind = self.random.choice(("kill a cell", "kill the driver", "damage a file", "no space", "hang"))
        if getattr(self, kind.replace(" ", "_"))(driver):
            self.injected[kind] += 1

    def kill_a_cell(self, driver: subprocess.Popen[str]) -> bool:
        return self._signal_a_cell(driver, signal.SIGKILL)

    def hang(self, driver: subprocess.Popen[str]) -> bool:
        return self._signal_a_cell(driver, signal.SIGSTOP)

    def _signal_a_cell(self, driver: subprocess.Popen[str], number: signal.Signals) -> bool:
        try:
            alive = cells_alive(driver.pid)
            if alive:
                self.random.choice(alive).send_signal(number)
            return bool(alive)
        except psutil.NoSuchProcess:
            return False

    def kill_the_driver(self, driver: subprocess.Popen[str]) -> bool:
        driver.kill()
        return True

    def no_space(self, driver: subprocess.Popen[str]) -> bool:
        """From now on the driver can make no file longer."""
        try:
            limits = resource.prlimit(driver.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(driver.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
        except ProcessLookupError:
            return False
        return True

    def damage_a_file(self, driver: subprocess.Popen[str]) -> bool:
        """Truncate a file of a finished cell or a checkpoint, or flip one of its bytes."""
        results = self.folder / "results" / "m"
        files = sorted([*results.glob("cells/*/*"), *results.glob("checkpoints/*.checkpoint")])
        if not files:
            return False
        file = self.random.choice(files)
        try:
            data = bytearray(file.read_bytes())
            place = self.random.randrange(max(len(data), 1))
            if self.random.random() < 0.5:
                data = data[:place]
            elif data:
                data[place] ^= 1 << self.random.randrange(8)
            with open(file, "r+b") as sink:
                sink.truncate(0)
                sink.write(data)
        except FileNotFoundError:
            return False
        return True


def main(arguments: Arguments) -> int:
    """0 if the tables are equal."""
    with tempfile.TemporaryDirectory() as name:
        calm, rounds, aside, lost, equal = Path(name, "calm"), 0, 0, 0, True
        expected = cells(finish(calm, arguments.seeds))
        peace = time.monotonic() + arguments.seconds
        chaos = Chaos(calm, random.Random(arguments.seed))
        while rounds == 0 or time.monotonic() < peace:
            rounds += 1
            chaos.folder = prepare(Path(name, f"wild{rounds}"), arguments.seeds)
            chaos.run(peace, arguments.every)
            # a file that was damaged after its cell had ended is found by the next start
            results = finish(chaos.folder, arguments.seeds)
            found = cells(results)
            aside += len(list(results.glob("quarantine/*")))
            lost += len(expected.keys() - found.keys())
            equal &= found == expected
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(chaos.injected.items())) or "none"
    print(
        f"matrices: {rounds}; faults injected: {kinds}; starts {chaos.starts}; cells set aside {aside}, "
        f"lost {lost} of {rounds * len(expected)}"
    )
    print(f"tables equal a calm run's: {'yes' if equal else 'NO'}")
    return int(not equal)


def prepare(folder: Path, seeds: int) -> Path:
    """A folder with the matrix file."""
    folder.mkdir(exist_ok=True)
    (folder / "m.toml").write_text(MATRIX.format(seeds=seeds))
    return folder


def finish(folder: Path, seeds: int) -> Path:
    """Run what is left of the matrix, undisturbed; its results directory."""
    prepare(folder, seeds)
    subprocess.run([*RUN, "m.toml", "--jobs", "2", "--no-report"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / "results" / "m"


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
