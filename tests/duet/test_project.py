"""Where a project lies: its import roots, whatever installed it, and hooks that bypass them."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from pathlib import Path

import pytest
from git_projects import GitProject

from pytest_perfmon.duet.project import FinderClaim, describe_project


@pytest.fixture
def made(tmp_path):
    """Give a repository with a src-layout project in a subdirectory."""
    project = GitProject(tmp_path)
    for name in ("app/src/demo/__init__.py", "app/tools/helper.py", "app/types.py", "lib/x.py"):
        project.put(name, "")
    return project


def test_roots_are_the_entries_of_the_path_below_the_top_in_their_order(made, tmp_path):
    """Entries outside, in the environment, gone or not directories do not count."""
    top = made.top
    (top / ".venv" / "site").mkdir(parents=True)
    entries = [tmp_path, top / "lib", top / ".venv" / "site", top / "gone", top / "lib" / "x.py"]
    project = describe_project(
        top / "app",
        sys_path=[*map(str, entries), str(top / "app" / "tools")],
        meta_path=[],
        prefixes=[sys.prefix, str(top / ".venv"), str(top)],
    )
    assert project.roots == ("lib", "app/tools", "app/src", "app")
    assert project.top == top
    assert project.rootdir == top / "app"


def test_the_empty_entry_is_the_current_directory(made, monkeypatch):
    """`''` is what `python -m pytest` puts at the head of the path."""
    monkeypatch.chdir(made.top / "lib")
    assert describe_project(made.top / "app", sys_path=[""], meta_path=[]).roots[0] == "lib"


def test_a_path_through_a_link_is_the_projects(made, tmp_path):
    """A checkout reached through a symbolic link has the same names."""
    link = tmp_path / "link"
    link.symlink_to(made.top)
    project = describe_project(link / "app", sys_path=[str(link / "lib")], meta_path=[])
    assert project.roots[0] == "lib"
    assert project.name_of(link / "lib" / "x.py") == "lib/x.py"


def test_setuptools_finders_tell_where_an_editable_project_is(made, monkeypatch):
    """A mapping of packages gives their directory; one that renames a package cannot."""
    finder_module = types.ModuleType("__editable___other_1_0_finder")
    finder_module.MAPPING = {
        "x": str(made.top / "lib" / "x"),
        "a.b": str(made.top / "odd" / "a" / "b"),
        "renamed": str(made.top / "elsewhere"),
    }
    finder = type("_EditableFinder", (), {"__module__": finder_module.__name__})
    monkeypatch.setitem(sys.modules, finder_module.__name__, finder_module)
    path_finder = importlib.machinery.PathFinder
    project = describe_project(made.top / "app", sys_path=[], meta_path=[path_finder, finder])
    assert project.roots == ("lib", "odd", "app/src", "app")


def test_hooks_ahead_of_the_path_that_deliver_the_project_are_claims():
    """This process's own hooks claim nothing of this project."""
    here = Path(__file__).parents[2]
    assert describe_project(here, sys_path=sys.path, meta_path=sys.meta_path).claims == ()


def test_only_hooks_ahead_of_the_path_and_only_the_projects_names_count(made):
    """A hook behind the path, a pytest hook and one of the oldest kind are no danger."""

    class Hook:
        def find_spec(self, name, _path):
            return importlib.machinery.ModuleSpec(name, None, origin=f"/built/{name}.py")

    pytest_hook = type("Hook", (Hook,), {"__module__": "_pytest.assertion.rewrite"})
    behind = type("Behind", (Hook,), {})
    ahead = [importlib.machinery.BuiltinImporter, pytest_hook(), object(), Hook()]
    project = describe_project(
        made.top / "app",
        sys_path=[],
        meta_path=[*ahead, importlib.machinery.PathFinder, behind()],
    )
    name = f"{__name__}.{Hook.__qualname__}"
    assert project.claims == (FinderClaim("demo", name, "/built/demo.py"),)
    without = describe_project(made.top / "app", sys_path=[], meta_path=[*ahead[:3], behind()])
    assert [claim.module for claim in without.claims] == ["demo"]
