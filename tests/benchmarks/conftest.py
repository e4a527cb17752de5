"""Benchmarks time nothing unless they are asked for."""

from typing import Any

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not item.config.getoption("--benchmark-only"):
        pytest.skip("a benchmark: run `make bench`, or pass --benchmark-only")


def pytest_benchmark_update_json(output_json: dict[str, Any]) -> None:
    """Leave out every round's time, since what is read are their statistics, and the machine's name."""
    output_json["machine_info"].pop("node", None)
    for entry in output_json["benchmarks"]:
        entry["stats"].pop("data", None)
