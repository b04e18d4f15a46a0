"""Sides that other programs make: releases that pip installs, trees that a command builds."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from pytest_perfmon.duet.files import (
    FileState,
    copy_files,
    remove_tree,
    source_files,
)
from pytest_perfmon.duet.processes import Guard, end_at_once, last_line, start_apart
from pytest_perfmon.duet.slots import fresh_slot, releases_dir
from pytest_perfmon.errors import UsageError

TREE: Final = "{tree}"
# where a release goes whose packages the project does not have: it is a dependency of the tests
RELEASE_ROOT: Final = ".perfmon-release"
_PIP_PLACES: Final = ("PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PIP_USER")
_NAMESPACE_MARKS: Final = ("extend_path", "declare_namespace")


def build_key(files: Mapping[str, FileState], command: str, python: str) -> str:
    """Give 16 hexadecimal digits that are equal where the same command builds the same files."""
    facts = [command, python, sys.version, sys.executable]
    facts += [
        f"{name}\0{state.content}\0{state.executable}" for name, state in sorted(files.items())
    ]
    return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def run_setup(command: str, tree: Path) -> None:
    """Run the user's `--perf-setup` in a tree, `{tree}` replaced by the tree's quoted path.

    Raises:
        UsageError: where it ends with another exit code than 0, with its last line.
    """
    quoted = subprocess.list2cmdline([str(tree)]) if os.name == "nt" else shlex.quote(str(tree))
    # a tree has no .git, which setuptools-scm and its like would take the version from
    version = {"SETUPTOOLS_SCM_PRETEND_VERSION": "0.0.0", **os.environ}
    code, said = _run(command.replace(TREE, quoted), cwd=tree, env=version)
    if code:
        raise UsageError(f"--perf-setup {command!r} ended with exit code {code}: {said}")


def pip_release(spec: str, cache_dir: Path, python: str) -> Path:
    """Install a release without its dependencies and give the directory that holds it.

    Dependencies are those of the environment at hand, for both sides of a comparison alike. A
    release given by its exact version is kept in the cache until it is unused for thirty days.

    Raises:
        UsageError: where pip is missing or cannot install it, with pip's reason.
    """
    key = hashlib.sha256(f"{spec}\n{python}\n{sys.version}".encode()).hexdigest()[:16]
    home = releases_dir(cache_dir)
    place = home / key
    if "==" in spec and "*" not in spec and place.is_dir():
        os.utime(place)
        return place
    slot = fresh_slot(cache_dir)
    command = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    env = {name: value for name, value in os.environ.items() if name not in _PIP_PLACES}
    try:
        code, said = _run(
            [*command, "--quiet", "--no-deps", "--target", str(slot.tree), "--", spec],
            cwd=Path.cwd(),
            env=env,
        )
        if code:
            raise UsageError(f"pip cannot install {spec!r}: {said}")
        home.mkdir(parents=True, exist_ok=True)
        remove_tree(place)
        slot.tree.rename(place)
        os.utime(place)
    except OSError as error:
        if not place.is_dir():  # else another run was faster
            raise UsageError(f"cannot keep {spec!r} in {str(home)!r}: {error}") from error
    finally:
        slot.leave()
    return place


def release_units(release: Path) -> tuple[str, ...]:
    """Name the packages and modules of a release, as paths without suffix.

    A namespace package is named by its parts, which others may share.
    """
    return tuple(sorted(set(_units(release, PurePosixPath()))))


def release_root(
    units: Sequence[str], roots: Sequence[str], working: Collection[str], tests: Sequence[str]
) -> str:
    """Choose the directory of the project that holds those packages; `RELEASE_ROOT` if none.

    Directories made for tests do not count: many a release brings a `tests` by mistake.
    """
    tested = tuple(f"{directory}/" for directory in tests)
    for root in roots:
        for unit in units:
            place = (PurePosixPath(root) / unit).as_posix()
            if not f"{place}/".startswith(tested) and any(_in_unit(n, place) for n in working):
                return root
    return RELEASE_ROOT


def write_release(
    release: Path, root: str, source: Path, working: Sequence[str], tree: Path
) -> None:
    """Write the project's files with a release in place of the packages of that name."""
    units = [(PurePosixPath(root) / unit).as_posix() for unit in release_units(release)]
    others = (name for name in working if not any(_in_unit(name, unit) for unit in units))
    copy_files(source, others, tree)
    copy_files(release, source_files(release), tree / root)


def is_namespace(package: Path) -> bool:
    """Tell whether a directory is a namespace package, of the plain or of an older kind."""
    marker = package / "__init__.py"
    if not marker.is_file():
        return True
    text = marker.read_text("utf-8", "replace")
    return any(mark in text for mark in _NAMESPACE_MARKS)


def _in_unit(name: str, unit: str) -> bool:
    """Tell whether a file belongs to a package, or is the module that it once was."""
    return name.startswith(f"{unit}/") or name == f"{unit}.py"


def _units(release: Path, here: PurePosixPath) -> Iterator[str]:
    for entry in (release / here).iterdir():
        name = here / entry.name
        if entry.is_file():
            yield (here / entry.name.partition(".")[0]).as_posix()
        elif "-" in entry.name or entry.name in ("__pycache__", "bin"):
            continue
        elif is_namespace(entry):
            yield from _units(release, name)
        else:
            yield name.as_posix()


def _run(command: str | list[str], *, cwd: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Run a program; its exit code and last line.

    It ends with all its children if we are interrupted, or killed.
    """
    with (
        Guard() as guard,
        start_apart(command, cwd=cwd, env=env, stdout=subprocess.PIPE) as process,
        guard.watching(process),
    ):
        try:
            output, _ = process.communicate()
        except BaseException:
            end_at_once(process)
            raise
    return process.returncode, last_line(output.decode(errors="replace")) or "it printed nothing"
