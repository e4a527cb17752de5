import matplotlib.pyplot as plt
import pytest
from analysis_cases import write_results
from matplotlib.figure import Figure

from analysis.load import load
from analysis.measures import measure_runs
from analysis.plots.looks import style_of


@pytest.fixture
def folder(tmp_path):
    return write_results(tmp_path)


@pytest.fixture
def results(folder):
    return load(folder)


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """`results` that no test changes."""
    return load(write_results(tmp_path_factory.mktemp("shared")))


@pytest.fixture(scope="session")
def shared_measures(shared):
    return measure_runs(shared)


@pytest.fixture
def ax():
    yield Figure().add_subplot()
    plt.close("all")


@pytest.fixture
def style(shared):
    return style_of(shared.planned.label)
