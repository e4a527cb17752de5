"""The process that cells are forked from: it imports torch once for all of them, and ends with its parent.

A request is one byte with two file descriptors: the socket of the cell's guardian, and the pipe for the cell's rows.
"""

import gc
import os
import select
import signal
import socket

from experiments.cell.guardian import adopt_orphans, end_descendants, guard, reap  # torch too, once for all cells
from experiments.identity import code_of_parts

EVERY_S = 1.0  # how often guardians that have ended are reaped


def serve(number: int) -> None:
    """Fork a guardian for every request that comes through this socket; at its end, end every process below."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)  # its end is its owner's
    adopt_orphans()
    code_of_parts("trpo", "CartPole-v1", {})  # most of any cell's code is read and digested here, once for all
    gc.freeze()  # pages that no child's garbage collection touches stay shared
    guardians: set[int] = set()
    with socket.socket(fileno=number) as requests:
        while True:
            readable, _, _ = select.select([requests], [], [], EVERY_S)
            ended = reap()
            guardians -= ended.keys()
            if any(ended.values()):  # killed: what it stood above is here now
                end_descendants(spared=guardians)
            if not readable:
                continue
            byte, descriptors, _, _ = socket.recv_fds(requests, 1, 2)
            if not byte:
                break
            guardian = os.fork()
            if guardian == 0:
                requests.close()
                guard(*descriptors)
            guardians.add(guardian)
            for descriptor in descriptors:
                os.close(descriptor)
    end_descendants()
