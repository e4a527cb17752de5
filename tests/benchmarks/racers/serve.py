"""One side of a race, in a process of its own: it builds a learner once, then trains when it is told to.

    python serve.py FILE RULE ENV N_ENVS BATCH UPDATES

FILE.py beside this one has PACKAGES, what it is made of, and make(RULE, ENV, N_ENVS, BATCH, UPDATES) -> a function that
trains for so many updates. Every line on stdin is one call of it; every answer, and the first of all, after it is
built, is a line of JSON: who answers, and the CPU seconds of all threads. It needs nothing but Python, since each peer
runs it in an environment of its own.
"""

import json
import os
import sys
import time
from importlib import import_module
from importlib.metadata import version


def main(file: str, rule: str, env: str, *sizes: str) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before a library counts processors and makes its threads
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    module = import_module(file)
    who = ", ".join(f"{package} {version(package)}" for package in module.PACKAGES)

    def answer(start: float) -> None:
        print(json.dumps({"who": who, "cpu_s": time.process_time() - start}), file=answers, flush=True)

    start = time.process_time()
    train = module.make(rule, env, *map(int, sizes))
    answer(start)
    for _ in sys.stdin:
        start = time.process_time()
        train()
        answer(start)


if __name__ == "__main__":
    main(*sys.argv[1:])
