from dataclasses import replace

import pytest
from analysis_cases import write_results

from analysis.load import ResultsError, load
from analysis.page.evidence import gather, labels, titles, together


@pytest.fixture
def pair(tmp_path):
    def bundle(*parts):
        folder = tmp_path.joinpath(*parts)
        folder.mkdir(parents=True)
        return gather(load(write_results(folder)))

    return [bundle("a", "one"), bundle("b", "two")]


def moved(bundle, folder):
    return replace(bundle, results=replace(bundle.results, folder=folder))


def test_a_directory_is_called_by_the_end_of_its_path(pair):
    assert titles(pair) == ["one", "two"]
    first = pair[0].results.folder
    assert titles([pair[0], moved(pair[1], first.parents[1] / "b" / "one")]) == ["a/one", "b/one"]


def test_a_directory_given_twice_is_refused(pair):
    with pytest.raises(ResultsError, match="is given twice"):
        titles([pair[0], pair[0]])


def test_only_labels_of_several_directories_have_their_directory_before_them(pair):
    own = pair[1].results.planned.replace({"climbs": "falls"})
    second = replace(pair[1], results=replace(pair[1].results, planned=own))
    assert labels([pair[0], second]) == [
        {"climbs": "climbs", "stays": "one: stays"},
        {"falls": "falls", "stays": "two: stays"},
    ]
    assert labels(pair[:1]) == [{"climbs": "climbs", "stays": "stays"}]


def test_seconds_of_two_directories_compare_only_on_equal_terms(pair):
    first, second = (bundle.results for bundle in pair)
    assert together([first, second]).seconds_compare is None
    second = replace(second, runs=second.runs.assign(lane="timing"))
    assert "different lanes" in together([first, second]).seconds_compare
