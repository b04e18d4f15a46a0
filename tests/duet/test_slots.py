"""Where trees live: one process at a time, of one length, and gone once nobody needs them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from git_projects import left_over

from pytest_perfmon.duet import slots
from pytest_perfmon.duet.slots import default_cache_dir, fresh_slot, keyed_slot, sweep
from pytest_perfmon.errors import UsageError

KEY = "0123456789abcdef"


def test_a_slot_in_use_is_neither_swept_nor_given_away(tmp_path):
    """While one holder has it, a sweep passes by and another holder gets another place."""
    first = keyed_slot(tmp_path, KEY)
    first.tree.mkdir()
    sweep(tmp_path)
    second = keyed_slot(tmp_path, KEY)
    assert first.tree.is_dir()
    assert second.directory != first.directory
    assert (
        len(str(second.directory))
        == len(str(first.directory))
        == len(str(fresh_slot(tmp_path).directory))
    )


def test_leaving_a_slot_removes_it_unless_it_is_kept(tmp_path):
    """A built tree is there the next time, as it was; without `keep` nothing stays."""
    slot = keyed_slot(tmp_path, KEY)
    slot.tree.mkdir()
    slot.leave()
    assert left_over(tmp_path) == []
    slot = keyed_slot(tmp_path, KEY)
    slot.tree.mkdir()
    slot.keep()
    slot.leave()
    assert left_over(tmp_path) == [slot.directory.name]
    again = keyed_slot(tmp_path, KEY)
    assert again.directory == slot.directory
    assert again.tree.is_dir()


def test_what_an_ended_process_left_unfinished_is_not_taken_for_built(tmp_path):
    """A directory without its mark of completion is emptied before it is given out."""
    home = tmp_path / "trees" / f"{KEY}-0"
    (home / "tree").mkdir(parents=True)
    assert not keyed_slot(tmp_path, KEY).tree.exists()


def test_a_sweep_removes_orphans_and_built_trees_long_unused(tmp_path):
    """Trees and locks without an owner go at once, built trees after thirty days without use."""
    for number in range(3):
        slot = keyed_slot(tmp_path, KEY[::-1][:15] + str(number))
        slot.keep()
        slot.leave()
    old, _, orphan = sorted((tmp_path / "trees").iterdir())
    os.utime(old / "built", (0, 0))
    (orphan / "built").unlink()
    (tmp_path / "trees" / "no-tree.lock").touch()
    sweep(tmp_path)
    assert left_over(tmp_path) == [f"{KEY[::-1][:15]}1-0"]
    sweep(tmp_path / "nothing here")


def test_a_lock_file_removed_by_its_last_owner_locks_nothing(tmp_path, monkeypatch):
    """Where the file goes between our opening and our locking it, another place is taken."""
    real = slots.fcntl.flock
    (tmp_path / "trees").mkdir()

    def slow_flock(handle, how):
        (tmp_path / "trees" / f"{KEY}-0.lock").unlink(missing_ok=True)
        real(handle, how)

    monkeypatch.setattr(slots.fcntl, "flock", slow_flock)
    assert keyed_slot(tmp_path, KEY).directory.name == f"{KEY}-1"


def test_a_key_has_so_many_slots_and_no_more(tmp_path):
    """Where all are in use the error says so, instead of waiting."""
    held = [keyed_slot(tmp_path, KEY) for _ in range(10)]
    assert len({slot.directory for slot in held}) == 10
    with pytest.raises(UsageError, match=r"all 10 slots .* are in use by other runs"):
        keyed_slot(tmp_path, KEY)


def test_the_cache_lies_where_the_platform_keeps_caches(monkeypatch):
    """`XDG_CACHE_HOME` comes first, then each system's custom."""
    home = Path("home")
    assert default_cache_dir({"XDG_CACHE_HOME": "x"}, home) == Path("x/pytest-perfmon")
    for platform, environ, expected in (
        ("linux", {}, home / ".cache"),
        ("darwin", {}, home / "Library" / "Caches"),
        ("win32", {}, home / "AppData" / "Local"),
        ("win32", {"LOCALAPPDATA": "local"}, Path("local")),
    ):
        monkeypatch.setattr(slots.sys, "platform", platform)
        assert default_cache_dir(environ, home) == expected / "pytest-perfmon"
