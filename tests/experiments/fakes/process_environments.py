"""Environments that do what concerns a cell's process, reachable as "process_environments:NAME"."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from fake_environments import Counting


class StartsHelper(Counting):
    """Starts a process that sleeps, tells its number in a file, and then behaves, aborts or hangs."""

    def __init__(self, file: str, how: str, then: str = "behave") -> None:
        super().__init__()
        self.file, self.then = file, then
        self.start = {"fork": self.fork, "double fork": self.double_fork, "session": self.session}[how]

    def step(self, action: Any) -> Any:
        if not Path(self.file).exists():
            self.start()
        while not Path(self.file).exists():
            time.sleep(0.01)
        if self.then == "abort":
            os.abort()
        if self.then == "hang":
            time.sleep(3600)
        return super().step(action)

    def fork(self) -> None:
        """With the pipe for rows, and all else that a fork has."""
        if os.fork() == 0:
            self.sleep()

    def double_fork(self) -> None:
        """In a session of its own, its parent gone."""
        if (child := os.fork()) == 0:
            os.setsid()
            if os.fork() == 0:
                self.sleep()
            os._exit(0)
        os.waitpid(child, 0)

    def session(self) -> None:
        """Another program, in a session of its own."""
        self.tell(subprocess.Popen(["sleep", "3600"], start_new_session=True).pid)

    def sleep(self) -> None:
        self.tell(os.getpid())
        time.sleep(3600)

    def tell(self, pid: int) -> None:
        with open(f"{self.file}.part", "w") as sink:
            sink.write(str(pid))
        os.replace(f"{self.file}.part", self.file)


class Writes(Counting):
    """Puts something into the pipe of its cell, and stops there or goes on."""

    def __init__(self, text: str, stop: bool) -> None:
        super().__init__()
        self.text, self.stop = text, stop

    def step(self, action: Any) -> Any:
        for descriptor in range(3, 100):
            if Path(f"/proc/self/fd/{descriptor}").is_fifo():
                os.write(descriptor, self.text.encode())
        if self.stop:
            os.kill(os.getpid(), signal.SIGSTOP)
        return super().step(action)


class EndsBadly(Counting):
    """Cannot be closed: aborts, or hangs."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def close(self) -> None:
        if self.how == "abort":
            os.abort()
        time.sleep(3600)


class UsesALot(Counting):
    """Takes so much memory and a second of computing, then aborts."""

    def __init__(self, mib: int) -> None:
        super().__init__()
        self.mib = mib

    def step(self, action: Any) -> Any:
        kept = np.ones(self.mib * 2**17)
        start = time.process_time()
        while time.process_time() - start < 1:
            kept.sum()
        os.abort()


for fake in (StartsHelper, Writes, EndsBadly, UsesALot):
    gym.register(fake.__name__ + "-v0", entry_point=fake)
