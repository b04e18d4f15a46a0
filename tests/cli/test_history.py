"""`history`: what is shown of stored runs, and when it fails."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cli.stored_history import PARSE, QUERY, commit_of, save_history, steady
from storage.stored_runs import HERE, THERE, make_run, make_summary

from pytest_perfmon.cli import main
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.storage.directory import DirectoryStore

SLOWER = steady(40, change=1.2, since=25)
SAME = steady(40, at=1e6)


def history(place, *arguments):
    """Run the command on that store."""
    return main(["history", f"--store={place}", *arguments])


def test_a_change_is_shown_between_its_commits(tmp_path, capsys):
    """The table has the size of a change and the commits around it; without a flag it ends 0."""
    save_history(tmp_path, {PARSE: SLOWER, QUERY: SAME})
    assert history(tmp_path) == 0
    out = capsys.readouterr().out
    (parse,) = (line for line in out.splitlines() if "parse" in line)
    (query,) = (line for line in out.splitlines() if "db.query" in line)
    assert "+20" in parse
    assert f"{commit_of(24)[:10]}..{commit_of(25)[:10]}" in parse
    assert " - " in f"{query} "
    assert "2 operations: 1 slower, 1 steady" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("medians", "ended"),
    [
        (SLOWER, 1),
        (SAME, 0),
        (steady(40, change=0.8, since=25), 0),
        (SLOWER[:9], 0),
        ([value * (1.01**number) for number, value in enumerate(SAME)], 1),
    ],
    ids=["slower", "steady", "faster", "too few", "creep"],
)
def test_a_degradation_fails_where_asked(tmp_path, medians, ended):
    """A step or a trend towards slower ends with 1 under --fail-on-degradation, others with 0."""
    save_history(tmp_path, {PARSE: medians})
    assert history(tmp_path) == 0
    assert history(tmp_path, "--fail-on-degradation") == ended


def test_a_degradation_that_was_taken_back_does_not_fail(tmp_path, capsys):
    """Slower, then as before: both changes are shown, and only the newest one counts."""
    save_history(tmp_path, {PARSE: steady(40, change=1.3, since=20) + steady(60)})
    assert history(tmp_path, "--fail-on-degradation") == 0
    out = capsys.readouterr().out
    assert "+3" in out
    assert "-2" in out
    assert "1 faster" in out


def test_json_has_values_changes_and_their_commits(tmp_path, capsys):
    """--json gives every value, and each change with the last run before and the first after it."""
    runs = save_history(tmp_path, {PARSE: SLOWER, QUERY: SAME})
    assert history(tmp_path, "parse", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    (one,) = data["operations"]
    assert (data["schema"], data["baseline"]) == (1, "default")
    assert (one["nodeid"], one["operation"], one["unit"]) == (*PARSE, "call")
    assert [value["median_ns"] for value in one["values"]] == SLOWER
    assert [value["run"] for value in one["values"]] == [run.id for run in runs]
    (change,) = one["changes"]
    assert change["change"] == pytest.approx(0.2, abs=0.02)
    assert change["position"] == 25
    assert change["last_before"]["commit"] == commit_of(24)
    assert change["first_after"]["commit"] == commit_of(25)
    assert (one["degraded"], one["creep"]) == (True, None)
    assert one["environment"] == {"fields": dict(HERE.fields), "fingerprint": HERE.fingerprint}


def test_a_creep_is_told_as_one(tmp_path, capsys):
    """A steady trend is one line, not many steps, and stands in the JSON."""
    medians = [value * (1.01**number) for number, value in enumerate(SAME)]
    save_history(tmp_path, {PARSE: medians})
    history(tmp_path)
    assert "a steady trend over 40 runs" in capsys.readouterr().out
    history(tmp_path, "--json")
    (one,) = json.loads(capsys.readouterr().out)["operations"]
    assert one["creep"]["change"] == pytest.approx(1.01**39 - 1, rel=0.1)
    assert one["changes"] == []


@pytest.mark.parametrize("wanted", ["parse", PARSE.nodeid])
def test_one_operation_is_asked_for_by_its_name_or_test(tmp_path, capsys, wanted):
    """An operation's name, or a test's node id, shows that alone."""
    save_history(tmp_path, {PARSE: SAME, QUERY: SAME})
    assert history(tmp_path, wanted) == 0
    out = capsys.readouterr().out
    assert "parse" in out
    assert "db.query" not in out


def test_only_the_newest_runs_are_looked_at(tmp_path, capsys):
    """--last leaves older runs, and the changes in them, out."""
    save_history(tmp_path, {PARSE: SLOWER})
    assert history(tmp_path, "--last=12", "--fail-on-degradation") == 0
    assert "1 steady" in capsys.readouterr().out


def test_few_runs_say_what_is_missing(tmp_path, capsys):
    """Below ten runs nothing is claimed, and the line says how many there are."""
    save_history(tmp_path, {PARSE: SLOWER[:4]})
    history(tmp_path)
    out = capsys.readouterr().out
    assert "needs 10 runs, has 4" in out
    assert "1 with fewer than 10 runs" in out


def test_environments_are_told_apart(tmp_path, capsys):
    """A new machine is not a change: each environment has its own table under its fields."""
    save_history(tmp_path, {PARSE: SAME[:20]})
    slower = [value * 2 for value in SAME[:20]]
    save_history(tmp_path, {PARSE: slower}, environment=THERE, first=20)
    assert history(tmp_path, "--fail-on-degradation") == 0
    out = capsys.readouterr().out
    assert "python 3.11.7" in out
    assert "python 3.12.1" in out
    assert "2 operations: 2 steady" in out


def test_a_change_of_unit_is_no_change(tmp_path, capsys):
    """Values of another unit than the newest are left out."""
    save_history(tmp_path, {PARSE: SAME[:15]})
    store = DirectoryStore(tmp_path)
    for number in range(15, 30):
        summary = replace(make_summary(2 * SAME[number]), unit="per-round mean")
        store.save(replace(make_run(number), results={PARSE: summary}))
    assert history(tmp_path, "--fail-on-degradation", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["operations"]
    assert (one["unit"], len(one["values"])) == ("per-round mean", 15)


def test_runs_without_a_commit_are_told_by_their_time(tmp_path, capsys):
    """Where files were changed the commit says nothing, so the time stands there."""
    save_history(tmp_path, {PARSE: SLOWER}, dirty=True)
    history(tmp_path)
    assert "2026-01-01T00:24..2026-01-01T00:25" in capsys.readouterr().out


def test_a_change_within_one_commit_is_not_the_code(tmp_path, capsys):
    """Where both sides of a change are of one commit, the line says so."""
    store = DirectoryStore(tmp_path)
    for number, median in enumerate(SLOWER):
        store.save(replace(make_run(number), results={PARSE: make_summary(median)}))
    history(tmp_path)
    assert "c0ffee, no commit between: not the code" in capsys.readouterr().out


def test_names_cannot_act_on_the_terminal(tmp_path, capsys):
    """Control characters of a name are shown as escapes."""
    save_history(tmp_path, {Key("test_a.py::test_it", "\x1b[2Jboo\n"): SAME})
    history(tmp_path)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[2Jboo\\n" in out


def test_names_of_damaged_files_cannot_act_on_the_terminal_either(tmp_path, capsys):
    """Nor can what is said beside the result."""
    save_history(tmp_path, {PARSE: SAME})
    (tmp_path / "default" / "\x1b[2J.json").write_text("{")
    assert history(tmp_path) == 0
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert said.count("\n") == 1


def test_a_damaged_file_is_named_and_the_rest_is_shown(tmp_path, capsys):
    """What cannot be read is one line beside the result."""
    save_history(tmp_path, {PARSE: SAME})
    broken = tmp_path / "default" / "20250101T000000.000000Z-0123456789ab.json"
    broken.write_text("{")
    assert history(tmp_path) == 0
    said = capsys.readouterr()
    assert str(broken) in said.err
    assert said.err.count("\n") == 1
    assert "1 operation: 1 steady" in said.out


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["--baseline-name=other"]])
def test_no_runs_at_all_is_a_mistake(tmp_path, capsys, arguments):
    """A gate on an empty or mistyped store does not pass: it ends with 4 and says where."""
    if arguments:
        save_history(tmp_path, {PARSE: SAME[:3]})
    assert history(tmp_path, "--fail-on-degradation", *arguments) == 4
    said = capsys.readouterr().err
    assert str(tmp_path) in said
    assert "--baseline-name" in said
    assert said.count("\n") == 1
