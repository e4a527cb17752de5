"""What travels with an order, and what a worker says that it lacks."""

from base64 import b64decode

import pytest

from experiments.engines.user_files import decode_sources, differences, encode_sources
from experiments.identity import code_of
from experiments.spec import altered


@pytest.fixture
def spec(tmp_path, make_spec):
    (tmp_path / "here").mkdir()
    for name, text in (("mine", "import aside, pandas\n"), ("aside", "VALUE = 1\n"), ("unused", "1 / 0\n")):
        (tmp_path / "here" / f"{name}.py").write_text(text)
    return altered(make_spec("mine"), environment=f"{tmp_path}/here/mine.py:Mine")


def test_the_users_own_files_travel_and_no_others(spec, make_spec):
    sources = encode_sources(spec)
    assert {path: b64decode(data) for path, data in sources.items()} == {
        "mine.py": b"import aside, pandas\n",
        "aside.py": b"VALUE = 1\n",
    }
    assert encode_sources(make_spec()) == {}


def test_where_they_are_unpacked_the_same_code_is_found_under_the_same_name(spec, tmp_path):
    there, folder = decode_sources(spec, encode_sources(spec), tmp_path / "there")
    assert there.environment == f"{folder}/mine.py:Mine" and folder.startswith(f"{tmp_path}/there/sources/")
    assert there.run_id == altered(there).run_id == spec.run_id
    assert differences(there, dict(code_of(spec).files), folder) is None
    assert decode_sources(spec, encode_sources(spec), tmp_path / "there") == (there, folder)


def test_without_files_of_the_users_nothing_is_written(make_spec, tmp_path):
    assert decode_sources(make_spec(), {}, tmp_path) == (make_spec(), None) and not list(tmp_path.iterdir())


def test_what_a_worker_lacks_is_named(spec):
    here = dict(code_of(spec).files)
    wanted = here | {"minigrid (package)": "3.0.0", "experiments/cell/run.py": "other", "xml_file (file)": "1"}
    del wanted["aside.py"]
    assert differences(spec, wanted, None) == (
        "it lacks minigrid (package) 3.0.0, xml_file (file); it has another version of experiments/cell/run.py; "
        "it also has aside.py"
    )
    assert differences(spec, here, None) is None
