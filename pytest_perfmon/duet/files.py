"""Files of a source tree: which there are, what they hold, and copies of them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

BYTECODE_DIRECTORY: Final = "__pycache__"
_NOT_SOURCE: Final = frozenset(
    {
        ".git",
        ".hg",
        ".hypothesis",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        BYTECODE_DIRECTORY,
        "node_modules",
    }
)
_POINTER_START: Final = b"version https://git-lfs.github.com/spec/"
_POINTER_MAX_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class FileState:
    """What one file of a tree is, as far as two trees are compared.

    Attributes:
        content: hexadecimal digest of the bytes, or `-> target` for a symbolic link.
        executable: whether its owner may run it.
        pointer: whether it is a git-lfs pointer that stands for a file kept elsewhere.
    """

    content: str
    executable: bool
    pointer: bool = False


def file_state(path: Path) -> FileState:
    """Describe the file at that path; a symbolic link is described, not followed."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return FileState(f"-> {path.readlink().as_posix()}", executable=False)
    with path.open("rb") as stream:
        pointer = status.st_size < _POINTER_MAX_BYTES and stream.read(
            len(_POINTER_START)
        ).startswith(_POINTER_START)
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileState(digest, bool(status.st_mode & stat.S_IXUSR), pointer)


def source_files(root: Path, *, without: Path | None = None) -> Iterator[str]:
    """Name the files below `root`, relative and with `/`, in no order.

    Repository data, tool caches, bytecode, virtual environments and the directory `without` are
    left out, and so are sockets, pipes and devices.
    """
    for here, directories, names in os.walk(root):
        place = Path(here)
        for name in directories:
            if (place / name).is_symlink():
                yield (place / name).relative_to(root).as_posix()
        directories[:] = [
            name
            for name in directories
            if name not in _NOT_SOURCE
            and place / name != without
            and not (place / name).is_symlink()
            and not (place / name / "pyvenv.cfg").exists()
        ]
        for name in names:
            path = place / name
            if name not in _NOT_SOURCE and (path.is_symlink() or path.is_file()):
                yield path.relative_to(root).as_posix()


def without_bytecode(names: Iterable[str]) -> Iterator[str]:
    """Leave out the files below a `__pycache__`, which may speak for other sources."""
    return (name for name in names if BYTECODE_DIRECTORY not in PurePosixPath(name).parts)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, or a symbolic link as a link, in place of whatever was there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def copy_files(source: Path, names: Iterable[str], target: Path) -> None:
    """Copy the named files from below `source` to the same names below `target`."""
    for name in names:
        copy_file(source / name, target / name)


def manifest(tree: Path) -> dict[str, FileState]:
    """Describe every file of a tree by its name."""
    return {name: file_state(tree / name) for name in source_files(tree)}


def remove_bytecode(tree: Path) -> None:
    """Remove every `__pycache__` of a tree, but for those of virtual environments in it."""
    for here, directories, _ in os.walk(tree):
        if BYTECODE_DIRECTORY in directories:
            remove_tree(Path(here, BYTECODE_DIRECTORY))
        directories[:] = [
            name
            for name in directories
            if name != BYTECODE_DIRECTORY and not Path(here, name, "pyvenv.cfg").exists()
        ]


def remove_tree(directory: Path) -> None:
    """Remove a directory with all it holds, write-protected parts too; absent is fine."""
    for here, directories, names in os.walk(directory):
        # a directory protects what is in it; on Windows each file protects itself
        for name in (*directories, *(names if os.name == "nt" else ())):
            path = Path(here, name)
            if not path.is_symlink():
                with contextlib.suppress(OSError):
                    path.chmod(stat.S_IRWXU)
    shutil.rmtree(directory, ignore_errors=True)
