"""What is recorded beside figures: true, steady, and found without disturbing anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from pytest_perfmon.model.run import Commit
from pytest_perfmon.storage import environment
from pytest_perfmon.storage.environment import (
    current_commit,
    current_environment,
    parse_cpuinfo,
    parse_status,
)

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def test_the_environment_has_these_fields():
    """The built-in fields are all there, as texts that say something."""
    fields = current_environment({}).fields
    assert set(fields) == {"implementation", "python", "system", "machine", "cpu", "cpus"}
    assert all(type(value) is str and value for value in fields.values())
    assert fields["python"].startswith(".".join(map(str, sys.version_info[:3])))


def test_the_environment_is_the_same_in_every_process():
    """Another process on this machine finds the same fingerprint."""
    code = (
        "from pytest_perfmon.storage.environment import current_environment as e;"
        "print(e({}).fingerprint)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == current_environment({}).fingerprint


def test_the_environment_starts_no_process(monkeypatch):
    """The machine is asked through files and calls, never through another program."""
    monkeypatch.setattr(subprocess, "Popen", pytest.fail)
    monkeypatch.setattr("os.posix_spawn", pytest.fail, raising=False)
    monkeypatch.setattr("os.system", pytest.fail)
    assert current_environment({}).fields["cpus"]


def test_hooks_add_and_replace_fields():
    """A field that a hook gives is added; one of a built-in name replaces that."""
    fields = current_environment({"database": "postgres 17", "cpu": "any"}).fields
    assert (fields["database"], fields["cpu"]) == ("postgres 17", "any")


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("processor\t: 0\nmodel name\t: AMD  EPYC 7763\ncpu MHz\t: 2445.4\n", "AMD EPYC 7763"),
        ("model name : first\nmodel name : second\n", "first"),
        (
            "processor: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n",
            "implementer 0x41 part 0xd0c",
        ),
        ("cpu\t\t: POWER9, altivec supported\nclock\t: 2300.0MHz\n", "POWER9, altivec supported"),
        ("system type : board\ncpu model : MIPS 24Kc V7.4\n", "MIPS 24Kc V7.4"),
        ("CPU part : 0xd0c\n", ""),
        ("", ""),
        ("no colon here\n", ""),
    ],
)
def test_the_processor_is_found_in_cpuinfo(text, model):
    """The name of the first processor is found on several architectures, without its speed."""
    assert parse_cpuinfo(text) == model


def test_an_unreadable_cpuinfo_is_unknown(monkeypatch):
    """A system that does not tell its processor has the field all the same."""
    monkeypatch.setattr(sys, "platform", "linux")

    def refuse(*arguments, **options):
        raise FileNotFoundError

    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    assert current_environment({}).fields["cpu"] == "unknown"


@pytest.mark.parametrize(
    ("text", "commit"),
    [
        ("# branch.oid abc\n# branch.head main\n", Commit("abc", "main")),
        ("# branch.oid abc\n# branch.head (detached)\n", Commit("abc")),
        ("# branch.oid (initial)\n# branch.head main\n", Commit("", "main")),
        ("# branch.oid abc\n# branch.head m\n1 .M N... 1 1 1 a b t.py\n", Commit("abc", "m", True)),
        ("", Commit()),
    ],
)
def test_git_status_is_understood(text, commit):
    """Commit, branch and changes are read from git's stable format."""
    assert parse_status(text) == commit


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Give a repository with one commit, and a way to run git in it."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text("[user]\nname = T\nemail = t@example.org\n")
    root = tmp_path / "repository"
    root.mkdir()

    def git(*arguments):
        return subprocess.run(
            ["git", *arguments], cwd=root, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q", "-b", "trunk")
    (root / "code.py").write_text("x = 1\n")
    git("add", "code.py")
    git("commit", "-q", "-m", "first")
    return root, git


@needs_git
def test_the_commit_is_the_one_checked_out(repository):
    """Commit and branch are those of HEAD, also from a directory below the top."""
    root, git = repository
    (root / "below").mkdir()
    expected = Commit(git("rev-parse", "HEAD"), "trunk")
    assert current_commit(root) == current_commit(root / "below") == expected


@needs_git
def test_changed_files_make_it_dirty_and_new_ones_do_not(repository):
    """A tracked file that differs makes the commit dirty; an untracked one, as a store is, not."""
    root, _ = repository
    (root / "new.json").write_text("{}")
    assert not current_commit(root).dirty
    (root / "code.py").write_text("x = 2\n")
    assert current_commit(root).dirty


@needs_git
def test_the_repository_is_not_written_to(repository):
    """Not even the index is refreshed, which a plain status would do."""
    root, _ = repository
    os.utime(root / "code.py", (1_000_000_000, 1_000_000_000))
    before = {path: path.read_bytes() for path in (root / ".git").rglob("*") if path.is_file()}
    current_commit(root)
    assert before == {
        path: path.read_bytes() for path in (root / ".git").rglob("*") if path.is_file()
    }


@needs_git
def test_there_is_no_commit_outside_a_repository(tmp_path, monkeypatch):
    """Where there is no repository, the commit is empty."""
    monkeypatch.delenv("GIT_DIR", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert current_commit(tmp_path) == Commit()


def test_there_is_no_commit_without_git(tmp_path, monkeypatch):
    """Where git is not installed, the commit is empty."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert current_commit(tmp_path) == Commit()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script as git")
def test_a_git_that_does_not_answer_is_given_up(tmp_path, monkeypatch):
    """A git that hangs costs a bounded time and gives an empty commit."""
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(environment, "_GIT_TIMEOUT_S", 0.1)
    assert current_commit(tmp_path) == Commit()
