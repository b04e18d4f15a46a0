"""Where trees live: one process at a time, of one length, and gone once nobody needs them."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest
from git_projects import left_over

from pytest_perfmon.duet import slots
from pytest_perfmon.duet.slots import (
    default_cache_dir,
    fresh_slot,
    keyed_slot,
    private_slot,
    sweep,
)
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


def test_a_sweep_removes_releases_long_unused(tmp_path):
    """What pip installed thirty days ago, and nobody compared with since, is not kept for ever."""
    old, recent = (tmp_path / "pip" / name for name in ("old", "recent"))
    for release in (old, recent):
        (release / "demo").mkdir(parents=True)
    os.utime(old, (0, 0))
    sweep(tmp_path)
    assert list((tmp_path / "pip").iterdir()) == [recent]


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


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A directory for temporary files that nobody else uses."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_childs_files_have_a_short_place_that_goes_with_it(temporary):
    """No two have one place; it is this user's alone, and what holds it stays when it is empty."""
    first, second = private_slot(), private_slot()
    assert first.directory != second.directory
    home = first.directory.parent
    assert home.parent == temporary
    assert len(str(first.directory.relative_to(temporary))) < 40
    if os.name != "nt":
        assert stat.S_IMODE(home.stat().st_mode) == stat.S_IRWXU
    for slot in (first, second):
        assert list(slot.directory.iterdir()) == []
        (slot.directory / "output").touch()
        slot.leave()
    assert list(home.iterdir()) == []


def test_the_next_child_clears_up_after_ended_ones(temporary):
    """Places that nobody holds any more are removed with all that is in them; held ones are not."""
    held = private_slot()
    (held.directory / "output").touch()
    home = held.directory.parent
    (home / "0badcafe-0" / "tmp").mkdir(parents=True)
    (home / "0badcafe-0.lock").touch()
    taken = private_slot()
    assert (held.directory / "output").exists()
    left = {entry.name for entry in home.iterdir() if entry.is_dir()}
    assert left == {held.directory.name, taken.directory.name}


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="users are told apart by their number")
@pytest.mark.parametrize("taken_by", ["another user", "a link", "a file"])
def test_a_place_that_another_user_has_taken_is_refused(temporary, monkeypatch, taken_by):
    """Only a directory of this user's own is used: in a shared one names can be taken first."""
    user = os.getuid() + (taken_by == "another user")
    monkeypatch.setattr(os, "getuid", lambda: user)
    home = temporary / f"perfmon-{user}"
    if taken_by == "another user":
        home.mkdir()
    elif taken_by == "a link":
        (temporary / "elsewhere").mkdir()
        home.symlink_to(temporary / "elsewhere")
    else:
        home.touch()
    with pytest.raises(OSError, match=home.name):
        private_slot()
    assert not home.is_dir() or list(home.iterdir()) == []
