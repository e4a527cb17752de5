from dataclasses import replace

from page_cases import comparisons, whole

from analysis.load import Declared
from analysis.page.sections import sections


def test_of_an_exploration_only_what_could_be_tested_has_a_row(results):
    none = comparisons().assign(verdict=["better", "too few runs"])
    explored = replace(whole(results), comparisons=none)
    (section,) = sections([explored], seconds=False)
    assert (
        section.decided == "2 explored: 1 better, 1 too few runs for a test (6 seeds are needed in pairs)"
        and len(section.verdicts.rows) == 1
    )
    declared = replace(explored, results=replace(results, declared=Declared((("climbs", "stays"),), "nauc", None)))
    (section,) = sections([declared], seconds=False)
    assert section.decided.startswith("2 declared") and len(section.verdicts.rows) == 2
    (section,) = sections([replace(explored, comparisons=none.assign(verdict="too few runs"))], seconds=False)
    assert section.verdicts is None
