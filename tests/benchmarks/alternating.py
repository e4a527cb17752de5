"""How two pieces of work compare on a machine that others use too: by turns, in CPU time."""

import statistics
import time
from collections.abc import Callable
from typing import Any

ROUNDS, SECONDS = 15, 0.05  # of each piece in a round


def compared(body: Callable[[], Any], floor: Callable[[], Any], rounds: int = ROUNDS) -> dict[str, float]:
    """body_ms and floor_ms (medians), and the median, lowest and highest ratio of a round."""
    for work in (body, floor):
        work()
    times = max(1, round(SECONDS / max(_seconds(body, 1), 1e-9)))
    pairs = [(_seconds(body, times), _seconds(floor, times)) for _ in range(rounds)]
    ratios = sorted(ours / bare for ours, bare in pairs)
    ours, bare = (1000 * statistics.median(side) for side in zip(*pairs, strict=True))
    return {
        "body_ms": ours,
        "floor_ms": bare,
        "over_floor": statistics.median(ratios),
        "ratio": 1 / statistics.median(ratios),  # what analysis.benchmarks compares
        "lowest": ratios[0],
        "highest": ratios[-1],
    }


def _seconds(work: Callable[[], Any], times: int) -> float:
    """CPU seconds of one call, over so many."""
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times
