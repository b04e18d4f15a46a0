"""A worker's import path after its relocation, entry by entry."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from pytest_perfmon.duet.relocation import VARIABLE, relocate_sys_path, relocation_to


@pytest.fixture
def places(tmp_path):
    """A project with an environment in it, and a side's tree."""
    top, tree = tmp_path / "project", tmp_path / "tree"
    for place in (top / "src", top / "src-gen", top / ".venv" / "lib", tree):
        place.mkdir(parents=True)
    return top.resolve(), tree.resolve()


def relocated(monkeypatch, places, *entries):
    """The import path that such entries become."""
    top, tree = places
    monkeypatch.setenv(VARIABLE, relocation_to(top, tree, [top / ".venv"]))
    monkeypatch.setattr(sys, "path", list(entries))
    relocate_sys_path()
    return sys.path


def test_entries_of_the_project_lead_into_the_tree(monkeypatch, places):
    """The top and what is below it become the same places of the tree, in the same order."""
    top, tree = places
    entries = (str(top / "src"), str(top), str(top / "lib" / "python"))
    assert relocated(monkeypatch, places, *entries) == [
        str(tree / "src"),
        str(tree),
        str(tree / "lib" / "python"),
    ]


def test_other_entries_stay_as_they_are(monkeypatch, places):
    """Environments in the project, and whatever lies outside, are both sides' own."""
    top, tree = places
    entries = (
        str(top / ".venv" / "lib"),
        str(top.parent),
        str(top.parent / "project-other"),
        str(tree / "src"),
        os.devnull,
    )
    assert relocated(monkeypatch, places, *entries) == list(entries)


def test_a_tree_below_the_top_is_not_moved_into_itself(monkeypatch, places):
    """What leads into the side's tree already stays, though the tree lies in the project."""
    top, _ = places
    tree = top / ".cache" / "tree"
    entries = (str(tree / "src"), str(tree), str(top / "src"))
    expected = [str(tree / "src"), str(tree), str(tree / "src")]
    assert relocated(monkeypatch, (top, tree), *entries) == expected


def test_entries_are_followed_to_where_they_lead(monkeypatch, places):
    """Relative entries, links and detours into the project are found out."""
    top, tree = places
    monkeypatch.chdir(top)
    detour = str(top.parent / "elsewhere" / ".." / "project" / "src")
    entries = ["", "src", detour]
    expected = [str(tree), str(tree / "src"), str(tree / "src")]
    if hasattr(os, "symlink") and sys.platform != "win32":
        (top.parent / "link").symlink_to(top)
        entries.append(str(top.parent / "link" / "src"))
        expected.append(str(tree / "src"))
    assert relocated(monkeypatch, places, *entries) == expected


def test_a_relocation_is_plain_text(places):
    """The variable holds JSON, so that any name of a directory gets through."""
    top, tree = places
    odd = top / 'a "quoted" ünïcode: name'
    assert json.loads(relocation_to(top, tree, [odd])) == [str(top), str(tree), [str(odd)]]


def test_the_import_path_of_a_fresh_process_is_relocated(places):
    """A module that both the project and the tree have comes from the tree."""
    top, tree = places
    for place, side in ((top / "src", "project"), (tree / "src", "tree")):
        place.mkdir(exist_ok=True)
        (place / "which_side.py").write_text(f"SIDE = {side!r}\n", encoding="utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(top / 'src')!r})\n"
        "from pytest_perfmon.duet.relocation import relocate_sys_path\n"
        "relocate_sys_path()\n"
        "import which_side; print(which_side.SIDE)"
    )
    told = {**os.environ, VARIABLE: relocation_to(top, tree, [])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=told, check=True, capture_output=True, text=True
    )
    assert done.stdout == "tree\n"


@pytest.mark.parametrize(("said", "size"), [("70000", 70000), ("0", 0), (None, 0)])
def test_a_worker_carries_its_ballast_from_the_start(said, size):
    """The heap is shifted as soon as the module is there, by so many bytes as the pair says."""
    told = {name: text for name, text in os.environ.items() if name != "PERFMON_BALLAST"}
    if said is not None:
        told["PERFMON_BALLAST"] = said
    code = "from pytest_perfmon.duet.relocation import BALLAST; print(len(BALLAST))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=told, check=True, capture_output=True, text=True
    )
    assert int(done.stdout) == size
