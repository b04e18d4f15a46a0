"""The tests at hand, laid over a tree of other sources: both sides run the same ones.

From the working tree come the ini file, the conftest files above the collected tests, and the
tests' directories: whole where a directory is there for tests (`tests`, `benchmarks`), else only
test modules, conftest files and data, for what lies beside them may be the product.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Final

from pytest_perfmon.duet.files import copy_file
from pytest_perfmon.duet.project import Project

_TEST_DIRECTORY: Final = re.compile(r"tests?|tests[_-].+|.+[_-]tests|bench(es|marks)?")
_PACKAGING: Final = ("pyproject.toml", "setup.py")
_CODE_SUFFIXES: Final = (".py", ".pyi", ".pyx", ".pxd", ".so", ".pyd", ".pyc")
_CONFTEST: Final = "conftest.py"
_RECORD: Final = "overlay"
_ABSENT: Final = "-"
_SAVED: Final = "+"


@dataclass(frozen=True, slots=True)
class Overlay:
    """What of a project's working tree is laid over other trees; names relative to the top.

    Attributes:
        whole: directories that are mirrored with all they hold.
        conftests: conftest files that are mirrored; where one is missing here, it goes there.
        files: test modules and the ini file, copied.
        data: files without code that lie beside test modules and maybe the product; copied.
        empty: `__init__.py` files without content, copied where a tree has none.
    """

    whole: tuple[str, ...]
    conftests: frozenset[str]
    files: frozenset[str]
    data: frozenset[str]
    empty: frozenset[str]

    def names(self, working: Iterable[str]) -> frozenset[str]:
        """Name the files of the working tree that both sides have."""
        single = self.files | self.data
        return frozenset(name for name in working if name in single or self._mirrors(name))

    def changes(self, working: Iterable[str], present: Iterable[str]) -> dict[str, bool]:
        """Say what becomes of a tree that holds the files `present`.

        Returns:
            By name: True for a file that comes from the working tree, False for one that goes.
        """
        here, there = set(working), set(present)
        owned = {name for name in here | there if self._mirrors(name)}
        copied = ((self.files | self.data) & here) | (self.empty - there)
        return {name: name in here for name in sorted(owned | copied)}

    def _mirrors(self, name: str) -> bool:
        return name in self.conftests or any(name.startswith(f"{top}/") for top in self.whole)


def plan_overlay(project: Project, working: Iterable[str]) -> Overlay:
    """Choose what belongs to the collected tests among the files of the working tree."""
    names = frozenset(working)
    modules = [name for path in project.test_modules if (name := project.name_of(path))]
    whole: set[str] = set()
    conftests: set[str] = set()
    files = set(modules) & names
    data: set[str] = set()
    empty: set[str] = set()
    for directory in {PurePosixPath(module).parent for module in modules}:
        conftests.update(
            (above / _CONFTEST).as_posix() for above in (directory, *directory.parents)
        )
        top = _test_directory(directory, names)
        if top is not None:
            whole.add(top)
            continue
        beside = [name for name in names if PurePosixPath(name).parent == directory]
        files.update(name for name in beside if _is_test(name, project.test_patterns))
        data.update(name for name in beside if not name.endswith(_CODE_SUFFIXES))
        empty.update(name for name in beside if _empty_init(project.top / name))
    ini = project.name_of(project.ini) if project.ini is not None else None
    if ini is not None:
        files.add(ini)
    return Overlay(
        whole=tuple(sorted(whole)),
        conftests=frozenset(conftests),
        files=frozenset(files),
        data=frozenset(data - files),
        empty=frozenset(empty),
    )


def lay_over(changes: Mapping[str, bool], source: Path, tree: Path) -> None:
    """Carry out changes on a tree that is thrown away afterwards."""
    for name, comes in changes.items():
        if comes:
            copy_file(source / name, tree / name)
        else:
            (tree / name).unlink(missing_ok=True)


def lay_over_kept(changes: Mapping[str, bool], source: Path, slot: Path) -> None:
    """Carry out changes on a slot's tree so that `take_off` can undo them, ours or a dead run's."""
    tree, record = slot / "tree", slot / _RECORD
    lines = []
    for number, name in enumerate(changes):
        present = (tree / name).is_symlink() or (tree / name).exists()
        if present:
            copy_file(tree / name, slot / "saved" / str(number))
        lines.append(f"{_SAVED if present else _ABSENT}{name}")
    # complete before the first change: a run killed at any moment leaves a tree to restore
    record.with_suffix(".tmp").write_text("\0".join(lines), "utf-8", "surrogateescape")
    record.with_suffix(".tmp").replace(record)
    lay_over(changes, source, tree)


def take_off(slot: Path) -> None:
    """Give a kept slot's tree back the files it had before it was laid over."""
    tree, record = slot / "tree", slot / _RECORD
    if record.exists():
        text = record.read_text("utf-8", "surrogateescape")
        for number, line in enumerate(text.split("\0") if text else ()):
            name = line[1:]
            if line.startswith(_SAVED):
                copy_file(slot / "saved" / str(number), tree / name)
            else:
                (tree / name).unlink(missing_ok=True)
        record.unlink()
    shutil.rmtree(slot / "saved", ignore_errors=True)


def _test_directory(directory: PurePosixPath, names: frozenset[str]) -> str | None:
    """Give the outermost directory made for tests around those, unless a project lies in it."""
    chain = [directory, *directory.parents][:-1]
    for index, top in reversed(list(enumerate(chain))):
        packaged = any((d / f).as_posix() in names for d in chain[: index + 1] for f in _PACKAGING)
        if _TEST_DIRECTORY.fullmatch(top.name) and not packaged:
            return top.as_posix()
    return None


def _is_test(name: str, patterns: tuple[str, ...]) -> bool:
    base = PurePosixPath(name).name
    return base.endswith(".py") and any(fnmatch(base, pattern) for pattern in patterns)


def _empty_init(path: Path) -> bool:
    return path.name == "__init__.py" and path.is_file() and not path.read_bytes().strip()
