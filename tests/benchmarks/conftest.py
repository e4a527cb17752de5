"""Benchmarks time nothing unless they are asked for."""

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not item.config.getoption("--benchmark-only"):
        pytest.skip("a benchmark: run `make bench`, or pass --benchmark-only")
