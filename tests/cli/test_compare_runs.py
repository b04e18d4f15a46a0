"""`compare` and `show`: which runs are meant, and what is shown of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cli.stored_history import PARSE, QUERY, commit_of, save_history, steady
from storage.stored_runs import HERE, THERE, make_run

from pytest_perfmon.cli import main
from pytest_perfmon.model.schema import run_from_json
from pytest_perfmon.storage.directory import DirectoryStore


@pytest.fixture
def saved(tmp_path):
    """Twelve runs of two operations; the newest is half as fast again in one of them."""
    medians = {PARSE: [*steady(11), 1500.0], QUERY: steady(12, at=1e6)}
    return save_history(tmp_path / "store", medians)


def command(tmp_path, name, *arguments):
    """Run a command on the store of `saved`."""
    return main([name, *arguments, f"--store={tmp_path / 'store'}"])


def test_a_change_is_held_against_the_noise_between_runs(tmp_path, saved, capsys):
    """Only what exceeds the usual difference between runs is marked; two runs never fail."""
    assert command(tmp_path, "compare", "latest~1", "latest") == 0
    out = capsys.readouterr().out
    (parse,) = (line for line in out.splitlines() if "test_parse" in line)
    (query,) = (line for line in out.splitlines() if "db.query" in line)
    assert "beyond the noise" in parse
    assert "+5" in parse
    assert "±" in query
    assert "beyond" not in query
    assert "1 of 2 beyond" in out


def test_compare_as_json(tmp_path, saved, capsys):
    """--json gives both medians, the change, and the noise, as shares."""
    assert command(tmp_path, "compare", saved[0].id, saved[11].id, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["before"], data["after"]) == (saved[0].id, saved[11].id)
    parse, query = data["operations"]
    assert parse["change"] == pytest.approx(0.5)
    assert (parse["before_ns"], parse["after_ns"]) == (1000.0, 1500.0)
    assert (parse["beyond_noise"], query["beyond_noise"]) == (True, False)
    assert 0 < query["noise"] < 0.2


def test_few_runs_tell_of_no_noise(tmp_path, capsys):
    """Below ten stored runs the noise is unknown, and nothing is beyond it."""
    save_history(tmp_path / "store", {PARSE: [1000.0, 3000.0]})
    assert command(tmp_path, "compare", "latest~1", "latest") == 0
    out = capsys.readouterr().out
    assert "+200%" in out
    assert "0 of 1 beyond" in out


def test_what_cannot_be_compared_is_noted(tmp_path, capsys):
    """Other environments, and operations that one run lacks, are lines beside the result."""
    store = tmp_path / "store"
    save_history(store, {PARSE: [1000.0], QUERY: [5.0]}, environment=HERE)
    save_history(store, {PARSE: [1000.0]}, environment=THERE, first=1)
    assert command(tmp_path, "compare", "latest~1", "latest") == 0
    said = capsys.readouterr().err
    assert "python: 3.11.7 there, 3.12.1 here" in said
    assert "1 of 2 operations" in said


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("latest", 11),
        ("latest~3", 8),
        ("000000000005", 5),
        (commit_of(7)[:6], 7),
        (commit_of(7), 7),
        (commit_of(10).upper()[:4], 10),
    ],
)
def test_a_run_is_meant_by_its_age_id_or_commit(tmp_path, saved, capsys, word, number):
    """`show --json` prints the run that a word means, as it is stored."""
    assert command(tmp_path, "show", word, "--json") == 0
    assert run_from_json(capsys.readouterr().out) == saved[number]


def test_a_commit_means_its_newest_run(tmp_path, capsys):
    """Of several runs of one commit the newest is meant."""
    store = DirectoryStore(tmp_path / "store")
    for number in range(3):
        store.save(make_run(number))
    assert command(tmp_path, "show", "c0ff", "--json") == 0
    assert run_from_json(capsys.readouterr().out) == make_run(2)


def test_a_word_that_may_mean_several_commits_is_a_mistake(tmp_path, capsys):
    """Neither the newest commit that begins so is taken, nor a run whose id does."""
    store = DirectoryStore(tmp_path / "store")
    for number, commit in ((1, "abcd" + "0" * 36), (2, "abcd" + "1" * 36), (3, "0000" + "a" * 36)):
        run = make_run(number)
        store.save(replace(run, commit=replace(run.commit, id=commit)))
    for word in ("abcd", "0000"):
        assert command(tmp_path, "show", word) == 4
        assert f"{word!r}: several runs begin so" in capsys.readouterr().err
    assert command(tmp_path, "show", "abcd1") == 0
    assert command(tmp_path, "show", "000000000003") == 0


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("latest~12", "has no such run"),
        ("ffff", "has no such run"),
        ("0000000", "several runs begin so"),
        ("no", "expected latest"),
        ("", "expected latest"),
        ("latest~x", "expected latest"),
    ],
)
def test_a_word_that_means_no_run_is_a_mistake(tmp_path, saved, capsys, word, why):
    """No such run, several of them, or no such word: one line, and 4."""
    assert command(tmp_path, "show", word) == 4
    said = capsys.readouterr().err
    assert why in said
    assert repr(word) in said
    assert said.count("\n") == 1


def test_show_has_the_figures_and_where_they_come_from(tmp_path, saved, capsys):
    """The run's commit, branch, environment and operations are shown."""
    assert command(tmp_path, "show", "latest") == 0
    out = capsys.readouterr().out
    assert f"{saved[11].id}  2026-01-01T00:11:00Z  {commit_of(11)[:10]} on main" in out
    assert "  python: 3.11.7" in out
    assert "1.50 us" in out
    assert "240" in out
