"""`prune`: what goes, what stays, and that nothing goes unasked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cli.stored_history import PARSE, QUERY, save_history, steady
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage.stored_runs import ELSEWHERE, HERE, THERE, make_run

from pytest_perfmon.cli import main
from pytest_perfmon.model.run import Commit
from pytest_perfmon.storage.directory import DirectoryStore


def prune(place, *arguments):
    """Run the command on that store."""
    return main(["prune", f"--store={place}", *arguments])


def left(place, name="default"):
    """Give the numbers of the runs that a store has, newest first."""
    return [int(run.id, 16) for run in DirectoryStore(place).runs(name)]


def test_nothing_is_removed_without_yes(tmp_path, capsys):
    """A dry run lists what would go, oldest first, and touches nothing."""
    save_history(tmp_path, {PARSE: steady(6)})
    assert prune(tmp_path, "--keep=4") == 0
    assert left(tmp_path) == [5, 4, 3, 2, 1, 0]
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("would remove  000000000000")
    assert second.startswith("would remove  000000000001")
    assert "would remove 2 of 6 runs of 'default'; nothing was removed" in last


def test_yes_removes_what_the_dry_run_said(tmp_path, capsys):
    """With --yes the oldest runs go, and the last line counts them."""
    save_history(tmp_path, {PARSE: steady(6)})
    assert prune(tmp_path, "--keep=4", "--yes") == 0
    assert left(tmp_path) == [5, 4, 3, 2]
    assert capsys.readouterr().out.endswith("removed 2 of 6 runs of 'default'\n")


def test_values_are_counted_by_operation(tmp_path):
    """A run stays while it is among the newest N of any of its operations."""
    store = DirectoryStore(tmp_path)
    for number, keys in enumerate([[PARSE, QUERY], [PARSE, QUERY], [PARSE], [PARSE], [PARSE]]):
        store.save(make_run(number, keys=keys))
    assert prune(tmp_path, "--keep=1", "--yes") == 0
    assert left(tmp_path) == [4, 1]


def test_conditions_add_up(tmp_path):
    """Each further condition takes out fewer runs: of a branch, and old."""
    store, now = DirectoryStore(tmp_path), datetime.now(UTC)
    for number, (branch, days) in enumerate(
        [("feature/a", 40), ("feature/a", 20), ("main", 40), ("main", 0)]
    ):
        time = (now - timedelta(days=days, seconds=number)).isoformat(timespec="microseconds")
        store.save(replace(make_run(number), time=time, commit=Commit("c0ffee", branch)))
    assert prune(tmp_path, "--branch=feature/*", "--older-than=30d", "--yes") == 0
    assert sorted(left(tmp_path)) == [1, 2, 3]
    assert prune(tmp_path, "--older-than=5w", "--yes") == 0
    assert sorted(left(tmp_path)) == [1, 3]
    assert prune(tmp_path, "--branch=feature/*", "--yes") == 0
    assert left(tmp_path) == [3]


def test_other_baselines_are_not_touched(tmp_path):
    """Only the baseline that was named is pruned."""
    store = DirectoryStore(tmp_path)
    for number in range(4):
        store.save(make_run(number, name="main" if number % 2 else "default"))
    assert prune(tmp_path, "--keep=1", "--baseline-name=main", "--yes") == 0
    assert (left(tmp_path, "main"), left(tmp_path)) == ([3], [2, 0])


@given(
    places=st.lists(st.sampled_from([HERE, THERE, ELSEWHERE]), min_size=1, max_size=8),
    arguments=st.sampled_from([["--keep=1"], ["--older-than=0d"], ["--branch=*"]]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_the_newest_run_of_each_environment_stays(tmp_path_factory, places, arguments):
    """Whatever is asked for, each environment keeps the newest run of the baseline, and no more."""
    place = tmp_path_factory.mktemp("store")
    store = DirectoryStore(place)
    newest = {}
    for number, environment in enumerate(places):
        store.save(make_run(number, environment=environment))
        newest[environment.fingerprint] = number
    assert prune(place, *arguments, "--yes") == 0
    assert sorted(left(place)) == sorted(newest.values())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--keep, --older-than or --branch"),
        (["--keep=0"], "--keep"),
        (["--keep=many"], "--keep"),
        (["--older-than=soon"], "90d or 12w"),
        (["--older-than=999999w"], "90d or 12w"),
    ],
)
def test_a_bad_condition_is_a_mistake(tmp_path, capsys, arguments, named):
    """No condition, or an impossible one, ends with 4 and names what is expected."""
    save_history(tmp_path, {PARSE: steady(3)})
    assert prune(tmp_path, "--yes", *arguments) == 4
    assert named in capsys.readouterr().err
    assert len(left(tmp_path)) == 3
