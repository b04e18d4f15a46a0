"""Writing a file that is there whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_PREFIX: Final = ".saving-"
_ABANDONED_AFTER_S: Final = 24 * 3600


def write_new(path: Path, data: bytes) -> None:
    """Make a file of that content, and the directories above it where they are missing.

    The bytes go to a temporary name beside it, reach the disk, and get the final name in one step:
    a reader, or a crash at any moment, sees the whole file or none.

    Raises:
        FileExistsError: there is a file of that name; it stays as it is.
        OSError: it cannot be written; no part of it is left.
    """
    _make_directory(path.parent)
    temporary = path.parent / f"{_PREFIX}{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _name(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _name(temporary: Path, path: Path) -> None:
    if path.exists():  # Windows would refuse, other systems would replace it
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    temporary.rename(path)


def sweep(directory: Path) -> None:
    """Remove what saves left there that died a day ago or earlier; a save takes seconds."""
    before = time.time() - _ABANDONED_AFTER_S
    for leftover in directory.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if leftover.stat().st_mtime < before:
                leftover.unlink()


def _make_directory(path: Path) -> None:
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for made in reversed(missing):
        _sync_directory(made.parent)


def _sync_directory(path: Path) -> None:
    """Let a new name survive a power cut, where the system has that; Windows has not."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
