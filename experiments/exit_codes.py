"""The exit code of a matrix: whether its whole plan is stored, and if not, why."""

from collections.abc import Iterable, Mapping

OK, FAILED, NOTHING_RUN = 0, 1, 2
UNAVAILABLE, IO_ERROR, MORE_TO_DO = 69, 74, 75  # of sysexits.h
SIGNALLED = 128  # and the number of the signal


def exit_code(planned: Iterable[str], stored: Mapping[str, str], stopped: int = OK) -> int:
    """OK if every planned cell is stored with the status "ok", FAILED if all are stored, else why some are not.

    planned: run_ids; stored: run_id -> status; stopped: what ended the matrix before its end, if something did.
    """
    statuses = [stored.get(run_id) for run_id in planned]
    if None in statuses:
        return stopped or MORE_TO_DO
    return OK if set(statuses) <= {"ok"} else FAILED
