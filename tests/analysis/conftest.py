import pytest
from analysis_cases import write_results

from analysis.load import load


@pytest.fixture
def folder(tmp_path):
    return write_results(tmp_path)


@pytest.fixture
def results(folder):
    return load(folder)
