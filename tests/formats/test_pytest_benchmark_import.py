"""What pytest-benchmark saved becomes a run: all that the file knows, and nothing else."""

from __future__ import annotations

import json
import statistics
import time
from datetime import UTC, datetime

import pytest
from benchmark_versions import WRITTEN
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.errors import NewerSchemaError
from pytest_perfmon.formats.pytest_benchmark_reader import from_pytest_benchmark
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Commit
from pytest_perfmon.model.schema import run_from_json, run_to_json
from pytest_perfmon.stats.quantiles import quantile

FILES = sorted(WRITTEN.glob("*.json"))
SMALL = Key("test_sample.py::test_sort[small]", "test_sort[small]")
BIG = Key("test_sample.py::test_sort[big]", "test_sort[big]")
JOIN = Key("test_sample.py::TestText::test_join", "test_join")
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def saved():
    """Give what the newest version wrote, with every value."""
    return json.loads((WRITTEN / "5.3.1.json").read_bytes())


def imported(data):
    """Import plain data as a file."""
    return from_pytest_benchmark(json.dumps(data).encode(), "default")


def changed(**members):
    """Give a saved run whose first benchmark has those members of its `stats`, None for none."""
    data = saved()
    stats = data["benchmarks"][0]["stats"] | members
    data["benchmarks"][0]["stats"] = {
        name: value for name, value in stats.items() if value is not None
    }
    return data


def without_data(**members):
    """Give the same without the values."""
    return changed(data=None, **members)


def test_files_of_six_versions_with_and_without_values_are_tried():
    """The tests below have something to read, from version 3.0 on."""
    names = {path.stem.removesuffix("-saved") for path in FILES}
    assert names == {"3.0.0", "3.2.3", "3.4.1", "4.0.0", "5.0.0", "5.3.1"}
    assert len(FILES) == 2 * len(names)


@each_file
def test_a_file_becomes_a_run_with_its_figures(path):
    """Counts are the file's, and times are its seconds in nanoseconds."""
    data = path.read_bytes()
    run, notes = from_pytest_benchmark(data, "main")
    assert (run.name, list(run.results), notes) == ("main", [SMALL, BIG, JOIN], ())
    for entry, summary in zip(json.loads(data)["benchmarks"], run.results.values(), strict=True):
        stats = entry["stats"]
        assert (summary.rounds, summary.errors) == (stats["rounds"], 0)
        assert summary.calls == stats["rounds"] * stats["iterations"]
        for name in ("min", "max", "mean", "median"):
            assert getattr(summary, name) == pytest.approx(stats[name] * 1e9, abs=0.11)
    units = [summary.unit for summary in run.results.values()]
    assert units == ["per-round mean", "per-round mean", "call"]
    assert run_from_json(run_to_json(run)) == run


@each_file
def test_percentiles_follow_from_values_and_from_nothing_else(path):
    """With `data` they are quantiles of it; without, there is no number and no interval."""
    data = path.read_bytes()
    summary = from_pytest_benchmark(data, "main").run.results[JOIN]
    values = json.loads(data)["benchmarks"][2]["stats"].get("data")
    assert (values is None) == path.stem.endswith("-saved")
    if values is None:
        assert (summary.p90, summary.p95, summary.p99) == (0, 0, 0)
        assert (summary.intervals, summary.distribution) == ({}, ())
    else:
        assert summary.p95 == pytest.approx(quantile(sorted(values), 0.95) * 1e9, abs=0.11)
        assert {"median", "p90", "p95"} <= set(summary.intervals)
        assert sum(count for _, count in summary.distribution) == len(values) == 80


@each_file
def test_time_commit_and_machine_are_the_files(path):
    """A time without a zone is UTC; the fields have the names that our own runs have."""
    data = json.loads(path.read_bytes())
    run = from_pytest_benchmark(path.read_bytes(), "main").run
    said = datetime.fromisoformat(data["datetime"])
    assert datetime.fromisoformat(run.time) == said.replace(tzinfo=UTC)
    old = path.stem.startswith("3.0.0")
    assert run.commit == Commit(data["commit_info"]["id"], "" if old else "main", dirty=False)
    python = data["machine_info"]["python_version"]
    always = {
        "implementation": "cpython",
        "python": python,
        "system": "linux",
        "machine": "x86_64",
        "measured by": "pytest-benchmark",
    }
    cpu = {} if old else {"cpu": "A processor @ 2.00GHz", "cpus": "4"}
    assert run.environment.fields == always | cpu


def test_a_file_is_the_same_run_whenever_it_is_imported():
    """The id follows from the content, so that a second import is known for one."""
    data = (WRITTEN / "4.0.0.json").read_bytes()
    first, second = (from_pytest_benchmark(data, name).run for name in ("a", "b"))
    assert first.id == second.id
    assert from_pytest_benchmark(data + b"\n", "a").run.id != first.id


def test_a_byte_order_mark_is_passed_over():
    """A file that an editor of Windows saved is read like any other."""
    data = (WRITTEN / "4.0.0.json").read_bytes()
    assert from_pytest_benchmark(b"\xef\xbb\xbf" + data, "a").run.results.keys() == {
        SMALL,
        BIG,
        JOIN,
    }


def test_of_several_attempts_the_last_counts():
    """A test that was rerun has an entry an attempt; the run has one, and a note says so."""
    data = saved()
    data["benchmarks"] += [
        {**data["benchmarks"][0], "stats": {**data["benchmarks"][1]["stats"], "data": None}}
    ] * 3
    run, notes = imported(data)
    assert run.results[SMALL].median == pytest.approx(run.results[BIG].median, abs=0.11)
    assert notes == (f"{SMALL.nodeid} is there more than once: the last one counts",)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"data": None, "mean": None}, "its 'mean' is None: expected seconds"),
        ({"data": [], "median": float("nan")}, "its 'median' is nan: expected seconds"),
        ({"data": None, "min": -1.0}, "its 'min' is -1.0: expected seconds"),
        ({"data": None, "max": "1"}, "its 'max' is '1': expected seconds"),
        ({"data": None, "max": 1e300}, "its 'max' is 1e+300: expected seconds"),
        ({"data": None, "max": 0}, "its figures are not in order: expected min <= median <= max"),
        ({"data": None, "rounds": 0}, "its 'rounds' is 0: expected a count from 1"),
        ({"iterations": None}, "its 'iterations' is None: expected a count from 1"),
        ({"iterations": 2.5}, "its 'iterations' is 2.5: expected a count from 1"),
        ({"iterations": True}, "its 'iterations' is True: expected a count from 1"),
    ],
)
def test_a_benchmark_with_a_damaged_field_is_left_out_and_named(members, reason):
    """The rest of the file counts, and a line says what is missing and why."""
    run, notes = imported(changed(**members))
    assert list(run.results) == [BIG, JOIN]
    assert notes == (f"{SMALL.nodeid} was left out: {reason}",)


@pytest.mark.parametrize(
    "values", [[0.1, None], [0.1, float("nan"), 0.2], [0.1, 10**400], [-1], ["1"], {"a": 1}, 7]
)
def test_damaged_values_cost_only_what_follows_from_them(values):
    """Where `data` is damaged the stated figures count, and percentiles are not known."""
    run, notes = imported(changed(data=values))
    stated = imported(without_data()).run.results[SMALL]
    assert run.results[SMALL] == stated
    assert (stated.p95, stated.intervals) == (0.0, {})
    assert notes == (f"{SMALL.nodeid} has no percentiles: its 'data' is damaged",)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (7, "it is no JSON object"),
        ({"stats": {}}, "its 'fullname' is None: expected a text"),
        ({"fullname": ["a" * 99]}, f"its 'fullname' is ['{'a' * 37}…: expected a text"),
    ],
)
def test_an_entry_without_a_name_is_left_out_by_its_place(entry, reason):
    """What cannot be named is counted."""
    data = saved()
    data["benchmarks"][1] = entry
    run, notes = imported(data)
    assert list(run.results) == [SMALL, JOIN]
    assert notes == (f"benchmark 2 was left out: {reason}",)


def test_an_entry_without_stats_is_left_out():
    """A benchmark of which nothing was measured gives nothing."""
    data = saved()
    del data["benchmarks"][0]["stats"]
    assert imported(data).notes == (f"{SMALL.nodeid} was left out: it has no 'stats'",)


def test_the_name_can_be_read_off_the_fullname():
    """Where `name` is missing, the operation goes by the test, parameters included."""
    data = saved()
    for entry in data["benchmarks"]:
        del entry["name"]
    data["benchmarks"][0]["fullname"] += "::x]"
    assert [key.operation for key in imported(data).run.results] == [
        "test_sort[small]::x]",
        "test_sort[big]",
        "test_join",
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"\xff\xfe{", "it is not text in UTF-8"),
        (b'{"benchmarks": [', "it is not JSON, or cut short"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"[]", "it is not of pytest-benchmark: it is no JSON object"),
        (b'{"schema": 1}', "it is not of pytest-benchmark: it has no list of 'benchmarks'"),
        (b'{"benchmarks": []}', "it holds no benchmark that can be used"),
        (b'{"benchmarks": [1]}', "it holds no benchmark that can be used: benchmark 1 was left"),
        (b'{"pytest_perfmon": {"schema": 1}}', "its 'pytest_perfmon' is damaged: 'columns' is"),
        (b'{"pytest_perfmon": NaN}', "its 'pytest_perfmon' is damaged: it holds NaN"),
    ],
)
def test_a_file_of_which_nothing_can_be_used_is_refused(data, reason):
    """The text is the reason."""
    with pytest.raises(ValueError, match="^" + reason.replace("[", r"\[")):
        from_pytest_benchmark(data, "default")


def test_a_record_of_a_later_version_is_refused_as_such():
    """A file that a newer version of this package wrote is not guessed at."""
    with pytest.raises(NewerSchemaError, match="schema 99"):
        from_pytest_benchmark(b'{"pytest_perfmon": {"schema": 99}}', "default")


@pytest.mark.parametrize(
    "said", [None, 7, "", "yesterday", "2026-11-24T10:00:00+00:00+00:00", "0001-01-01T00:00+05:00"]
)
def test_a_file_without_a_time_is_refused(said):
    """When a run was made cannot be invented."""
    with pytest.raises(ValueError, match=r"^its 'datetime' is .*: expected an ISO 8601 time$"):
        imported({**saved(), "datetime": said})


@pytest.mark.parametrize(
    ("said", "utc"),
    [
        ("2017-05-06T07:08:09", "2017-05-06T07:08:09.000000+00:00"),
        ("2017-05-06T07:08:09.123456", "2017-05-06T07:08:09.123456+00:00"),
        ("2026-11-24T10:00:00+02:00", "2026-11-24T08:00:00.000000+00:00"),
        ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00.000000+00:00"),
    ],
)
def test_times_come_to_utc(said, utc):
    """With a zone, without one, and with another one."""
    assert imported({**saved(), "datetime": said}).run.time == utc


@pytest.fixture
def tokyo(monkeypatch):
    """Let this process be nine hours from UTC."""
    if not hasattr(time, "tzset"):
        pytest.skip("this system gives a process no time zone of its own")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_time_without_a_zone_is_not_the_importers(tokyo):
    """pytest-benchmark wrote UTC, wherever the importing machine stands."""
    assert time.timezone == -9 * 3600
    run = imported({**saved(), "datetime": "2017-05-06T07:08:09"}).run
    assert run.time == "2017-05-06T07:08:09.000000+00:00"


@pytest.mark.parametrize(
    ("info", "commit"),
    [
        (None, Commit()),
        ({}, Commit(dirty=True)),
        ({"id": "unversioned", "dirty": False, "branch": "(unknown)"}, Commit()),
        ({"id": "unknown", "dirty": False, "error": "no git"}, Commit()),
        ({"id": "abc", "dirty": True, "branch": "(detached head)"}, Commit("abc", dirty=True)),
        ({"id": "abc", "branch": "main"}, Commit("abc", "main", dirty=True)),
        ({"id": 7, "branch": None, "dirty": "no"}, Commit(dirty=True)),
    ],
)
def test_a_commit_is_clean_only_where_the_file_says_so(info, commit):
    """Placeholders are no commits and no branches."""
    assert imported({**saved(), "commit_info": info}).run.commit == commit


@pytest.mark.parametrize(
    ("info", "fields"),
    [
        (None, {}),
        ({"cpu": 7, "system": None, "node": "secret"}, {}),
        ({"system": "Windows", "cpu": {"brand": "An  old\tone", "count": "4"}}, ...),
        ({"python_implementation": "GraalVM", "system": "Plan 9"}, ...),
    ],
)
def test_what_a_file_does_not_say_of_the_machine_is_left_out(info, fields):
    """No field is called unknown, and the machine's name is not taken over."""
    found = dict(imported({**saved(), "machine_info": info}).run.environment.fields)
    assert found.pop("measured by") == "pytest-benchmark"
    expected = {
        "Windows": {"system": "win32", "cpu": "An old one"},
        "Plan 9": {"implementation": "GraalVM", "system": "Plan 9"},
    }
    assert found == (fields if fields is not ... else expected[info["system"]])


def test_values_of_several_iterations_are_means_of_rounds():
    """Rounds of a million iterations come to the nanosecond that the clock gave."""
    run = imported(changed(data=[2e-6, 3e-6, 2.5e-6], iterations=1_000_000)).run
    summary = run.results[SMALL]
    assert (summary.unit, summary.rounds, summary.calls) == ("per-round mean", 3, 3_000_000)
    assert (summary.min, summary.median, summary.max) == (2000, 2500, 3000)
    assert summary.mean == pytest.approx(statistics.fmean([2000, 2500, 3000]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(node, path=()):
    """Give the path of every member in plain data."""
    yield path
    if isinstance(node, (dict, list)):
        for name, inner in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places(inner, (*path, name))


PLACES = [path for path in places(saved()) if path and len(path) < 5]


@given(st.sampled_from(PLACES), json_values)
def test_whatever_is_damaged_the_answer_is_a_sound_run_or_a_reason(path, value):
    """Any member may be anything: what comes out can be stored, or a ValueError is raised."""
    data = saved()
    node = data
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    try:
        run, notes = imported(data)
    except ValueError:
        return
    assert run_from_json(run_to_json(run)) == run
    assert all(note.isprintable() for note in notes)
