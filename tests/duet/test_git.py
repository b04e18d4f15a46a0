"""What git is asked for, and that asking leaves no trace."""

from __future__ import annotations

import subprocess

import pytest
from git_projects import FAST, SLOW, GitProject

from pytest_perfmon.duet import git as git_module
from pytest_perfmon.duet.git import Git
from pytest_perfmon.errors import UsageError


@pytest.fixture
def project(tmp_path):
    """Give a repository with one commit and a rule for what is ignored."""
    made = GitProject(tmp_path)
    made.commit({"demo.py": SLOW, ".gitignore": "*.log\nbuilt/\nout_of_it/\n", "gone.py": ""})
    return made


def test_the_working_files_are_the_tracked_and_the_new_ones(project):
    """Changed and untracked files count, deleted and ignored ones do not, links are files."""
    project.put("new dir/ünï.py", "")
    project.put("debug.log", "")
    project.put("built/out.py", "")
    (project.top / "gone.py").unlink()
    (project.top / "link").symlink_to("new dir")
    expected = (".gitignore", "demo.py", "link", "new dir/ünï.py")
    assert Git(project.top).working_files() == expected


def test_a_conflicted_file_counts_once(project):
    """In the middle of a merge a file has three entries in the index and is one file."""
    project.git("checkout", "-q", "-b", "other")
    project.commit({"demo.py": FAST})
    project.git("checkout", "-q", "main")
    project.commit({"demo.py": "def work():\n    return 3\n"})
    with pytest.raises(subprocess.CalledProcessError):
        project.git("merge", "other")
    assert Git(project.top).working_files() == (".gitignore", "demo.py", "gone.py")


def test_the_files_of_submodules_and_nested_repositories_count(project, tmp_path):
    """A submodule that is checked out, and a clone inside the working tree, give their files."""
    inner = GitProject(tmp_path, "inner")
    inner.commit({"core.py": ""})
    project.git("submodule", "add", "-q", str(inner.top), "vendor/inner")
    project.git("clone", "-q", str(inner.top), str(project.top / "nested"))
    files = Git(project.top).working_files()
    assert {"vendor/inner/core.py", "nested/core.py"} <= set(files)


def test_ignored_files_beside_others_are_named_and_ignored_directories_are_not(project):
    """`debug.log` is named; what lies in an ignored directory is not looked at."""
    project.put("debug.log", "")
    project.put("built/out.py", "")
    assert Git(project.top).ignored_files() == ("debug.log",)


def test_a_directory_that_its_repository_ignores_is_in_no_repository(project):
    """A project unpacked in an ignored directory is not taken for a part of the outer one."""
    inside, ignored = project.top / "sub", project.top / "out_of_it" / "project"
    for directory in (inside, ignored):
        directory.mkdir(parents=True)
    assert Git.find(inside) == Git(project.top)
    assert Git.find(ignored) is None


def test_without_git_there_is_no_repository(project, monkeypatch):
    """A machine without git is like a directory without a repository."""
    monkeypatch.setattr(git_module.shutil, "which", lambda _: None)
    assert Git.find(project.top) is None


def test_a_repository_that_git_refuses_to_read_is_a_usage_error(project, monkeypatch):
    """Where the owner is another user the message says how to allow it."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UsageError, match=r"safe\.directory"):
        Git.find(project.top)


def test_a_failure_of_git_shows_its_own_last_line(project, tmp_path):
    """A call that has to work says what git said."""
    with pytest.raises(UsageError, match=r"git read-tree failed in .*no-such"):
        Git(project.top).check_out("no-such", tmp_path / "tree", tmp_path / "index")


def test_a_commit_is_written_whole_and_the_repository_stays_as_it_was(project, tmp_path):
    """Export-ignored files come too; with hooks, split index and a sparse tree nothing changes."""
    project.put(".gitattributes", "secret.txt export-ignore\n")
    commit = project.commit({"secret.txt": "s", "deep/er/file.py": ""})
    trace = tmp_path / "hook-ran"
    for hook in ("post-checkout", "post-index-change", "fsmonitor"):
        script = project.put(f".git/hooks/{hook}", f"#!/bin/sh\ntouch '{trace}'\n")
        script.chmod(0o755)
    project.git("config", "core.splitIndex", "true")
    project.git("config", "core.fsmonitor", ".git/hooks/fsmonitor")
    project.git("sparse-checkout", "set", "--no-cone", "/demo.py")
    trace.unlink(missing_ok=True)
    before = project.bytes()
    git = Git(project.top)
    tree = tmp_path / "tree"
    tree.mkdir()
    git.check_out(commit, tree, tmp_path / "index")
    git.working_files()
    git.ignored_files()
    assert project.bytes() == before
    assert not trace.exists()
    assert {"secret.txt", "deep/er/file.py", "demo.py"} <= {
        path.relative_to(tree).as_posix() for path in tree.rglob("*")
    }


def test_a_partial_clone_is_told_what_it_lacks_without_fetching_it(project, tmp_path):
    """Objects that were filtered out are counted; the clone is not filled up for that."""
    old = project.git("rev-parse", "HEAD")
    project.commit({"demo.py": FAST})
    project.git("config", "uploadpack.allowFilter", "true")
    clone = GitProject(tmp_path, "unused")
    clone.git("clone", "-q", "--filter=blob:none", project.top.as_uri(), str(tmp_path / "partial"))
    clone.top = tmp_path / "partial"
    before = clone.bytes()
    assert Git(clone.top).absent_objects(old) == 1
    assert Git(clone.top).absent_objects("HEAD") == 0
    assert Git(project.top).absent_objects("HEAD") == 0
    assert clone.bytes() == before
