"""Where the project under test lies: its repository, its import roots, its tests."""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pytest_perfmon.duet.files import source_files, without_bytecode
from pytest_perfmon.duet.git import Git

_SETUPTOOLS_FINDER_PREFIX: Final = "__editable__"
_PYTEST_PATTERNS: Final = ("test_*.py", "*_test.py")


@dataclass(frozen=True, slots=True)
class FinderClaim:
    """A module that an import hook ahead of `sys.path` would deliver, whatever the path says."""

    module: str
    finder: str
    origin: str


@dataclass(frozen=True, slots=True)
class Project:
    """What the main process knows of the project; all paths resolved.

    Attributes:
        top: the repository's top directory; the rootdir where there is no repository.
        git: that repository.
        rootdir: pytest's; `top` or below.
        roots: names of the directories that modules are imported from, relative to `top` in the
            order of `sys.path`; `.` is `top` itself.
        environments: directories below `top` that are no part of the project (`.venv`).
        ini: the configuration file in use.
        test_modules: the files of the collected tests.
        test_patterns: pytest's `python_files`.
        claims: modules of the project that import hooks ahead of `sys.path` deliver.
    """

    top: Path
    git: Git | None
    rootdir: Path
    roots: tuple[str, ...]
    environments: tuple[Path, ...] = ()
    ini: Path | None = None
    test_modules: tuple[Path, ...] = ()
    test_patterns: tuple[str, ...] = _PYTEST_PATTERNS
    claims: tuple[FinderClaim, ...] = ()

    def name_of(self, path: Path) -> str | None:
        """Give a path's name relative to `top`, with `/`; None where it is no part of the project.

        A path that leads to the project through symbolic links is.
        """
        resolved = path.resolve()
        if not resolved.is_relative_to(self.top):
            return None
        if any(resolved.is_relative_to(place) for place in self.environments):
            return None
        return resolved.relative_to(self.top).as_posix()

    def working_files(self, cache_dir: Path) -> tuple[str, ...]:
        """Name the files of the working tree as it is, relative to `top`; sorted."""
        if self.git is not None:
            return tuple(without_bytecode(self.git.working_files()))
        return tuple(sorted(source_files(self.top, without=cache_dir.resolve())))


def describe_project(
    rootdir: Path,
    *,
    sys_path: Sequence[str],
    meta_path: Sequence[object],
    ini: Path | None = None,
    test_modules: Iterable[Path] = (),
    test_patterns: Sequence[str] = _PYTEST_PATTERNS,
    prefixes: Iterable[str] = (),
) -> Project:
    """Describe the project of a pytest process.

    Args:
        rootdir: pytest's.
        sys_path: that process's `sys.path`, as it was once the tests were collected.
        meta_path: its `sys.meta_path`; finders of editable installs are read from it.
        ini: the configuration file in use.
        test_modules: the files of the collected tests.
        test_patterns: pytest's `python_files`.
        prefixes: `sys.prefix` and its like; those below the top are no part of the project.

    Raises:
        UsageError: where git refuses to read the repository.
    """
    git = Git.find(rootdir)
    home = rootdir.resolve()
    top = git.top if git is not None else home
    places = {Path(prefix).resolve() for prefix in prefixes}
    bare = Project(
        top=top,
        git=git,
        rootdir=home,
        roots=(),
        environments=tuple(sorted(p for p in places if p != top and p.is_relative_to(top))),
        ini=ini.resolve() if ini is not None else None,
        test_modules=tuple(path.resolve() for path in test_modules),
        test_patterns=tuple(test_patterns),
    )
    roots = _roots(bare, sys_path, meta_path)
    return replace(bare, roots=roots, claims=tuple(_claims(top, roots, meta_path)))


def top_level_names(top: Path, roots: Iterable[str]) -> frozenset[str]:
    """Name the packages and modules that lie directly in those directories of a tree."""
    suffixes = tuple(importlib.machinery.all_suffixes())
    names = set()
    for root in roots:
        place = top / root
        for entry in sorted(place.iterdir()) if place.is_dir() else ():
            if (entry / "__init__.py").is_file():
                names.add(entry.name)
            elif entry.name.endswith(suffixes) and entry.is_file():
                names.add(entry.name.partition(".")[0])
    return frozenset(names)


def _roots(
    project: Project, sys_path: Sequence[str], meta_path: Sequence[object]
) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for entry in sys_path:
        path = Path(entry or os.curdir)
        name = project.name_of(path) if path.is_dir() else None
        if name is not None:
            found[name] = None
    for mapped in _editable_places(meta_path):
        name = project.name_of(mapped)
        if name is not None:
            found[name] = None
    for conventional in (project.rootdir / "src", project.rootdir):
        if conventional.is_dir():
            found.setdefault(conventional.relative_to(project.top).as_posix())
    return tuple(found)


def _editable_places(meta_path: Sequence[object]) -> Iterable[Path]:
    """Read where setuptools' editable finders take packages from; their directories' parents.

    Such a finder's module is named `__editable___…_finder` and holds `MAPPING`, package name to
    directory. A package whose directory has another name cannot be had from a path entry.
    """
    for finder in meta_path:
        kind = finder if isinstance(finder, type) else type(finder)
        module = sys.modules.get(kind.__module__)
        if not kind.__module__.startswith(_SETUPTOOLS_FINDER_PREFIX) or module is None:
            continue
        for name, place in getattr(module, "MAPPING", {}).items():
            parts = name.split(".")
            path = Path(place)
            if path.with_suffix("").parts[-len(parts) :] == tuple(parts):
                yield path.parents[len(parts) - 1]


def _claims(
    top: Path, roots: tuple[str, ...], meta_path: Sequence[object]
) -> Iterable[FinderClaim]:
    names = sorted(top_level_names(top, roots) - sys.stdlib_module_names)
    for finder in meta_path:
        if finder is importlib.machinery.PathFinder:
            return
        kind = finder if isinstance(finder, type) else type(finder)
        # pytest's own hook asks the path, and the interpreter's deliver no file
        if kind.__module__.startswith("_pytest.") or kind.__module__ == "_frozen_importlib":
            continue
        find_spec = getattr(finder, "find_spec", _finds_nothing)
        for name in names:
            spec = find_spec(name, None)
            if spec is not None:
                shown = f"{kind.__module__}.{kind.__qualname__}"
                yield FinderClaim(name, shown, str(spec.origin))


def _finds_nothing(_name: str, _path: None) -> None:
    """Stand in for `find_spec` where a finder of the oldest kind has none."""
