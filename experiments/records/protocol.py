"""The version of the protocol: of what is recorded, how it is aggregated and what may be claimed."""

PROTOCOL = "1.0"
"""MAJOR.MINOR, carried by every run, table, page and export. MAJOR changes when the definition of a number does, MINOR
when a default of the pipeline does: numbers of different MAJOR never stand in one table.

1.0: score 0 is the better of random actions and of one fixed action; a threshold is reached by a score that has it
     itself; a failed run counts at random actions, or worse, and reaches no threshold; excesses are over the noise
     around a monotone curve; a CVaR takes its share of the points, interpolated; one definition of a collapse.
"""


def major(version: str) -> str:
    """What must agree between numbers of one table; nothing for a version that was not recorded."""
    return version.partition(".")[0]
