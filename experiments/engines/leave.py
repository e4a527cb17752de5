"""Lets a Dask worker leave on SIGUSR1 without losing a cell: `dask worker --preload experiments.engines.leave`.

It takes no further cell, those that run stop at their next checkpoint, and when the driver has fetched what they made,
the worker ends. This is for who knows the end in advance, such as a time limit of SLURM or a pod that is moved.
"""

import asyncio
import signal
import time

from distributed import Worker

from experiments.engines.supervise import LEAVING
from experiments.engines.task import stop_accepting_cells

PATIENCE_S = 240.0  # for cells to reach a checkpoint and for the driver to fetch what they made


def dask_setup(worker: Worker) -> None:
    """Called by Dask when the worker starts."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if not LEAVING.is_set():
            LEAVING.set()
            stop_accepting_cells(worker)
            leaving.append(loop.create_task(leave(worker)))

    leaving: list[asyncio.Task[None]] = []  # a task that nobody holds may be collected
    loop.add_signal_handler(signal.SIGUSR1, on_signal)


async def leave(worker: Worker) -> None:
    """End the worker when nothing runs on it and nothing lies on it, or when it has waited for long."""
    until = time.monotonic() + PATIENCE_S
    while (worker.state.executing_count or worker.data) and time.monotonic() < until:
        await asyncio.sleep(0.2)
    await worker.close(reason="asked to leave")
