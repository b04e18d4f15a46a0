"""The tests at hand over other sources: what is taken, what never is, and how it comes off."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from git_projects import GitProject
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.duet.files import manifest
from pytest_perfmon.duet.overlay import lay_over, lay_over_kept, plan_overlay, take_off
from pytest_perfmon.duet.project import Project

NAMES = ("demo.py", "pkg/core.py", "tests/a.py", "tests/b/c.py", "conftest.py", "data.json")
CONTENTS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(("one", "two", "three")))


def taken(tmp_path, files, *tests, ini=None):
    """Give the names that a working tree with those files lays over others."""
    made = GitProject(tmp_path)
    for name in files:
        made.put(name, "")
    facts = {} if ini is None else {"ini": made.top / ini}
    project = made.project(*tests, **facts)
    return {
        name for name, comes in plan_overlay(project, files).changes(files, ()).items() if comes
    }


@pytest.mark.parametrize("directory", ["tests", "test", "benchmarks", "unit_tests", "pkg/tests"])
def test_a_directory_made_for_tests_comes_whole(tmp_path, directory):
    """Helpers, data and deeper directories come along, from its outermost directory on."""
    files = (f"{directory}/deep/test_a.py", f"{directory}/helper.py", f"{directory}/data/d.bin")
    assert taken(tmp_path, (*files, "pkg/core.py"), files[0]) == set(files)


@pytest.mark.parametrize("directory", ["pkg", "pkg/testing", "perf", "latest", "contest"])
def test_beside_the_product_only_tests_and_data_come(tmp_path, directory):
    """A module next to a test may be the product: it stays each side's own."""
    test, data = f"{directory}/test_a.py", f"{directory}/data.json"
    own = (f"{directory}/core.py", f"{directory}/fast.pyx", f"{directory}/sub/more.json")
    assert taken(tmp_path, (test, data, *own), test) == {test, data}


def test_at_the_top_no_directory_below_comes_along(tmp_path):
    """A test module at the top of a flat project does not take the product with it."""
    files = ("test_a.py", "demo.py", "pkg/__init__.py", "pkg/data.json", "words.txt")
    assert taken(tmp_path, files, "test_a.py") == {"test_a.py", "words.txt"}


def test_an_empty_init_comes_only_where_there_is_none(tmp_path):
    """A test's package is completed; an `__init__.py` with content is never replaced."""
    made = GitProject(tmp_path)
    names = ("checks/test_a.py", "checks/__init__.py")
    for name in names:
        made.put(name, "")
    overlay = plan_overlay(made.project(names[0]), names)
    assert overlay.changes(names, ()) == dict.fromkeys(names, True)
    assert overlay.changes(names, names) == {names[0]: True}
    made.put(names[1], "product = 1\n")
    assert plan_overlay(made.project(names[0]), names).changes(names, ()) == {names[0]: True}


def test_conftests_above_the_tests_and_the_ini_file_come(tmp_path):
    """Those of directories beside the tests' own do not, and the ini file may lie anywhere."""
    files = ("conftest.py", "pkg/conftest.py", "other/conftest.py", "conf/pytest.ini")
    test = "pkg/sub/test_a.py"
    assert taken(tmp_path, (*files, test), test, ini="conf/pytest.ini") == {
        "conftest.py",
        "pkg/conftest.py",
        "conf/pytest.ini",
        test,
    }


def test_an_ini_file_outside_of_the_project_is_left_where_it_is(tmp_path):
    """`-c` may name any file."""
    assert taken(tmp_path, ("demo.py",), ini="../pytest.ini") == set()


def test_a_project_inside_a_test_directory_is_not_taken_whole(tmp_path):
    """A project kept below `tests` holds its own product, which is not overlaid."""
    files = ("tests/app/setup.py", "tests/app/app.py", "tests/app/tests/test_a.py")
    assert taken(tmp_path, files, files[2]) == {files[2]}


def test_what_the_working_tree_lacks_goes_from_test_directories_and_conftests(tmp_path):
    """A stale helper, test or conftest of the other revision is removed; its product is not."""
    made = GitProject(tmp_path)
    made.put("tests/test_a.py", "")
    overlay = plan_overlay(made.project("tests/test_a.py"), ["tests/test_a.py"])
    there = ("tests/stale.py", "conftest.py", "demo.py", "data.json")
    assert overlay.changes(["tests/test_a.py"], there) == {
        "conftest.py": False,
        "tests/stale.py": False,
        "tests/test_a.py": True,
    }


@given(working=CONTENTS, present=CONTENTS)
def test_laid_over_trees_have_the_tests_at_hand_and_their_own_product(working, present):
    """Afterwards every mirrored file is the working tree's, every other the tree's own."""
    with tempfile.TemporaryDirectory() as home:
        source, tree = Path(home, "source"), Path(home, "tree")
        _fill(source, working | {"tests/test_x.py": ""})
        _fill(tree, present)
        project = Project(
            top=source,
            git=None,
            rootdir=source,
            roots=(),
            test_modules=(source / "tests/test_x.py",),
        )
        names = list(manifest(source))
        lay_over(plan_overlay(project, names).changes(names, list(present)), source, tree)
        after = {name: (tree / name).read_text() for name in manifest(tree)}
    mirrored = {name for name in NAMES if name.startswith("tests/") or name == "conftest.py"}
    expected = {name: text for name, text in present.items() if name not in mirrored}
    expected |= {name: text for name, text in working.items() if name in mirrored}
    assert after == {**expected, "tests/test_x.py": ""}


@given(
    before=CONTENTS,
    source=CONTENTS,
    gone=st.sets(st.sampled_from(NAMES)),
    killed_after=st.integers(0, len(NAMES)),
)
def test_a_kept_tree_is_restored_whenever_its_run_was_killed(before, source, gone, killed_after):
    """Taking off gives back every file, after any number of changes was carried out."""
    changes = {name: name in source for name in sorted(source.keys() | gone)}
    with tempfile.TemporaryDirectory() as home:
        slot, working = Path(home, "slot"), Path(home, "working")
        _fill(slot / "tree", before)
        _fill(working, source)
        some = dict(list(changes.items())[:killed_after])
        lay_over_kept(dict.fromkeys(changes, False), working, slot)
        take_off(slot)
        lay_over_kept(changes, working, slot)
        lay_over(some, working, slot / "tree")
        take_off(slot)
        assert {n: (slot / "tree" / n).read_text() for n in manifest(slot / "tree")} == before
        take_off(slot)
        assert {n: (slot / "tree" / n).read_text() for n in manifest(slot / "tree")} == before


def _fill(root, files):
    root.mkdir(parents=True)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
