"""What a user may compare with: refs, merge bases, releases and directories, or one clear line."""

from __future__ import annotations

import pytest
from git_projects import FAST, SLOW, GitProject

from pytest_perfmon.duet.revisions import parse_side
from pytest_perfmon.duet.sides import Directory, GitRef, PipSpec
from pytest_perfmon.errors import UsageError


@pytest.fixture
def history(tmp_path):
    """Give a repository with three commits on main and one on a branch from the second."""
    project = GitProject(tmp_path)
    ids = [project.commit({"demo.py": text}) for text in ("a = 1\n", SLOW, FAST)]
    project.git("branch", "old", ids[0])
    project.git("tag", "-a", "v1", "-m", "first", ids[0])
    project.git("checkout", "-q", "-b", "feature", ids[1])
    ids.append(project.commit({"new.py": "b = 1\n"}))
    return project, ids


@pytest.mark.parametrize(
    ("text", "index"),
    [("main", 2), ("old", 0), ("v1", 0), ("main~1", 1), ("HEAD~2", 0), ("merge-base:main", 1)],
)
def test_a_ref_becomes_the_commit_it_names_now(history, text, index):
    """Branches, annotated tags, relative refs and merge bases are resolved to full commit ids."""
    project, ids = history
    assert parse_side(text, project.top) == GitRef(text, ids[index])


def test_a_short_commit_id_is_resolved(history):
    """Seven digits of a commit id are enough, and reports show the text with those digits."""
    project, ids = history
    side = parse_side(ids[0][:7], project.top)
    assert side == GitRef(ids[0][:7], ids[0])
    assert side.label == f"{ids[0][:7]} ({ids[0][:7]})"


def test_a_directory_is_taken_where_no_ref_has_its_name(history):
    """A plain name is a directory only where git knows no such ref; `dir:` always is one."""
    project, ids = history
    (project.top / "old").mkdir()
    (project.top / "other").mkdir()
    assert parse_side("other", project.top) == Directory(project.top / "other")
    assert parse_side("old", project.top) == GitRef("old", ids[0])
    assert parse_side("dir:old", project.top) == Directory(project.top / "old")
    assert parse_side(str(project.top), project.top) == Directory(project.top)


def test_a_release_is_what_pip_is_asked_for(tmp_path):
    """`pip:` takes any requirement, in a repository or not."""
    assert parse_side("pip:graphql-core==3.2.3", tmp_path) == PipSpec("graphql-core==3.2.3")


def test_the_repository_of_a_running_hook_is_not_mistaken_for_ours(history, tmp_path, monkeypatch):
    """GIT_DIR and its like, which git sets while a hook runs, do not lead the lookup astray."""
    project, ids = history
    other = GitProject(tmp_path, "other")
    monkeypatch.setenv("GIT_DIR", str(other.top / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.top / ".git" / "index"))
    assert parse_side("main", project.top) == GitRef("main", ids[2])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nowhere", "'nowhere' is no branch, tag or commit"),
        ("merge-base:nowhere", "'nowhere' is no branch, tag or commit"),
        ("--all", "is no branch"),
        ("", "expected a git ref"),
        ("merge-base:", "expected a git ref"),
        ("pip:", "expected a requirement"),
        ("pip:--pre", "expected a requirement"),
        ("dir:", "is not a directory"),
        ("dir:gone", "'gone' is not a directory"),
    ],
)
def test_a_text_that_names_nothing_is_a_usage_error_of_one_line(history, text, why):
    """The message shows option and value and says what was expected."""
    project, _ = history
    with pytest.raises(UsageError, match=r"^--perf-against='") as caught:
        parse_side(text, project.top)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_outside_of_a_repository_a_ref_is_a_usage_error(tmp_path):
    """The message says that there is no repository, and names the other option it was given."""
    with pytest.raises(UsageError, match=r"^--perf-candidate='main': .* not in a git repository"):
        parse_side("main", tmp_path, "--perf-candidate")


def test_a_branch_that_only_the_remote_has_is_suggested(history, tmp_path):
    """In a clone without a local `old`, the message says that `origin/old` is one."""
    project, _ = history
    project.git("clone", "-q", str(project.top), str(tmp_path / "clone"))
    with pytest.raises(UsageError, match="origin/old is one"):
        parse_side("old", tmp_path / "clone")


def test_a_shallow_clone_says_how_to_get_its_history(history, tmp_path):
    """A commit cut off by a shallow clone is told apart from one that never was."""
    project, ids = history
    origin = project.top.as_uri()
    project.git("clone", "-q", "--depth=1", "--no-single-branch", origin, str(tmp_path / "clone"))
    for text in ("HEAD~1", ids[1]):
        with pytest.raises(UsageError, match="git fetch --unshallow"):
            parse_side(text, tmp_path / "clone")
    with pytest.raises(UsageError, match=r"no common commit; .* git fetch --unshallow"):
        parse_side("merge-base:origin/main", tmp_path / "clone")


def test_histories_without_a_common_commit_are_a_usage_error(history):
    """`merge-base:` of an unrelated branch says so."""
    project, _ = history
    project.git("checkout", "-q", "--orphan", "apart")
    project.commit({})
    with pytest.raises(UsageError, match=r"HEAD and 'main' have no common commit$"):
        parse_side("merge-base:main", project.top)
