"""What a cell's own process does: train, and send every row to its parent as a line of JSON."""

import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from experiments.cell.train import train
from experiments.records import encode
from experiments.spec import RunSpec


def run_cell(spec: RunSpec, jobs: int, log: Path, pipe: Connection) -> None:
    """Entry point of the child. Whatever the cell prints goes to `log`; a parent that is gone ends the cell."""
    os.setpgid(0, 0)  # a Ctrl-C in the terminal is the parent's to handle
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    torch.set_num_threads(1)
    try:
        for row in train(spec, jobs):
            pipe.send_bytes(encode(row))
    except BrokenPipeError:
        sys.exit("the parent process is gone")
