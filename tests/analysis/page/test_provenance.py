import json
from dataclasses import replace

import pytest

from analysis.page.provenance import facts, parsed, ranges, rule_table, settings_table


@pytest.mark.parametrize(
    ("values", "text"), [([0, 1, 2, 3, 4, 7], "0 to 4, 7"), ([3], "3"), ([], ""), ([1, 3, 4], "1, 3 to 4")]
)
def test_seeds_are_ranges(values, text):
    assert ranges(values) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [('{"a": 1}', {"a": 1}), ("", {}), ("[1]", {"(not an object)": [1]}), ("{", {"(not an object)": "{"})],
)
def test_what_is_no_object_is_shown_as_it_is(text, found):
    assert parsed(text) == found


def test_the_facts_name_versions_machine_seeds_and_digests(results):
    versions = json.dumps({"python": "3.11.7", "torch": "2.13.0"})
    told = dict(facts(replace(results, runs=results.runs.assign(versions=versions, cpu="a chip", code="abc123"))))
    assert told["versions"] == "python 3.11.7, torch 2.13.0" and told["machine"] == "a chip"
    assert told["code"] == "abc123" and told["seeds"] == "0 to 4" and told["matrix"] == "made"
    assert told["lane"].startswith("throughput; jobs side by side: 2")


def test_many_digests_of_code_are_told_by_one(results):
    def told(codes):
        return dict(facts(replace(results, runs=results.runs.assign(code=codes))))["code"]

    many = [f"code{k}" for k in range(len(results.runs))]
    assert told(many).endswith(f"over the {len(many)} digests of its rules and environments (listed in manifest.json)")
    assert told(many) == told(many[::-1]) != told(["another", *many[1:]])


def test_the_digest_of_the_plan_follows_the_plan(results):
    before = dict(facts(results))["plan"]
    manifest = results.folder / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    assert dict(facts(results))["plan"] != before


def test_settings_say_where_they_hold(results):
    easy = results.runs.env == "Easy-v0"
    settings = easy.map({True: '{"gamma": 0.9, "n_envs": 16}', False: '{"gamma": 0.99, "n_envs": 16}'})
    table = settings_table(replace(results, runs=results.runs.assign(settings=settings)))
    assert [tuple(cell.text for cell in row) for row in table.rows] == [
        ("gamma", "0.9", "Easy-v0"), ("gamma", "0.99", "Hard-v0"), ("n_envs", "16", "all"),
    ]  # fmt: skip


def test_rules_show_their_hyper_parameters(results):
    table = rule_table(replace(results, runs=results.runs.assign(hyper='{"max_kl": 0.02}')))
    assert [cell.text for cell in table.rows[0]] == ["climbs", "trpo", "max_kl 0.02"]
