"""The workers of a Dask scheduler: this process's own threads, or those of a cluster that exists.

On this machine scheduler and workers are threads of this process and can be reached from nowhere else.
"""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Future, Scheduler, SpecCluster, Worker

from experiments.engines.events import EngineError, EngineLost

ANSWER_S = 20.0  # for a scheduler or a worker to answer
FILE_S = 300.0  # for a scheduler's file to appear: it may be in a queue
LOOPBACK = "127.0.0.1:0"  # Dask insists on an HTTP server; this one is for this machine alone and has no pages
SETTINGS: dict[str, Any] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.scheduler.worker-ttl": None,  # its threads cannot be lost, but be late: a lid was closed, a clock set
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.allowed-failures": 0,  # see disable_scheduler_retries
    "distributed.worker.memory.target": False,  # cells are limited by their own process
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    # what Dask watches a hundred times a second, for pages that nobody opens
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.limit": "60s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.scheduler.active-memory-manager.start": False,
}


class Workers:
    """The workers of the scheduler at an address or in a file; without either, `jobs` threads of this process.

    Every call ends within `ANSWER_S`. Raises EngineError if there is no scheduler, EngineLost if it has gone.
    """

    def __init__(self, jobs: int, address: str | None, scheduler_file: Path | None) -> None:
        self.remote = address is not None or scheduler_file is not None
        self._where = address or scheduler_file
        self._cluster: SpecCluster | None = None
        dask.config.set(SETTINGS)
        logging.getLogger("distributed").setLevel(logging.WARNING)
        try:
            if self.remote:
                address = address or wait_for(Path(str(scheduler_file)))
                self._client = Client(address, timeout="30s", set_as_default=False)
                self._client.run_on_scheduler(disable_scheduler_retries)
            else:
                self._cluster = _threads(jobs)
                self._client = Client(self._cluster, set_as_default=False)
        except (OSError, RuntimeError, TypeError, ValueError) as error:  # TypeError: TLS without a certificate
            what = f"the scheduler {self._where} does not answer" if self.remote else "no engine can be started here"
            raise EngineError(f"{what}: {error}") from error

    def call(self, function: Callable[..., Any], *arguments: Any, only: list[str] | None = None) -> dict[str, Any]:
        """Call a function on every worker, or on some; address -> what it returned."""
        return self._bounded(self._client.run, function, *arguments, workers=only)

    def threads(self) -> dict[str, int]:
        """Worker's address -> the number of cells that it runs side by side."""
        scheduler: Any = self._client.scheduler
        return self._bounded(self._client.sync, scheduler.ncores)

    def submit(self, function: Callable[..., Any], *arguments: Any, key: str) -> Future[Any]:
        """Submit a task."""
        return self._client.submit(function, *arguments, key=key, pure=False)

    def listen(self, topic: str, handler: Callable[[Any], None]) -> None:
        """Call a function with every message of the workers on this topic."""
        self._client.subscribe_topic(topic, lambda event: handler(event[1]))

    def lost(self) -> EngineLost:
        """The exception for a scheduler that is gone."""
        return EngineLost(f"the scheduler {self._where} has gone; no cell is lost, those that ran wait to go on")

    def close(self) -> None:
        """Disconnect, and stop the workers if they are threads of this process."""
        self._client.close(timeout=ANSWER_S)
        if self._cluster is not None:
            self._cluster.close()

    def _bounded(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options, callback_timeout=ANSWER_S)
        except TimeoutError as error:
            raise EngineLost(f"no answer within {ANSWER_S:.0f} s from {self._where} or one of its workers") from error
        except (OSError, RuntimeError, ValueError) as error:
            raise self.lost() from error


def wait_for(scheduler_file: Path) -> str:
    """Wait for the file that a scheduler writes when it starts; its address. Raises OSError if it never comes."""
    until = time.monotonic() + FILE_S
    said = False
    while True:
        try:
            return str(json.loads(scheduler_file.read_bytes())["address"])
        except (OSError, ValueError, KeyError):
            if time.monotonic() > until:
                raise
        if not said:
            print(f"waiting for {scheduler_file}, which `dask scheduler --scheduler-file FILE` writes", flush=True)
            said = True
        time.sleep(0.2)


def disable_scheduler_retries(dask_scheduler: Scheduler) -> None:
    """Tell the scheduler not to retry cells of lost workers: the driver does, from their last checkpoints."""
    dask_scheduler.allowed_failures = 0


def _threads(jobs: int) -> SpecCluster:
    quiet = {"dashboard": False, "dashboard_address": LOOPBACK}
    return SpecCluster(
        scheduler={"cls": Scheduler, "options": {"protocol": "inproc", **quiet}},
        workers={0: {"cls": Worker, "options": {"nthreads": jobs, "memory_limit": 0, **quiet}}},
    )
