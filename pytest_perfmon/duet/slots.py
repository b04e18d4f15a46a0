"""The places of trees and of children's files: directories locked by the process that uses them.

A slot's lock is the operating system's lock on a file beside it, so it ends with its process
however that ends, and whoever gets it may remove what was left.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfmon.duet.files import remove_tree
from pytest_perfmon.errors import UsageError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_KEY_DIGITS: Final = 16
_PRIVATE_DIGITS: Final = 8
_TWINS: Final = 10
_KEPT_FOR_S: Final = 30 * 24 * 3600


def default_cache_dir(environ: Mapping[str, str], home: Path) -> Path:
    """Give the user's cache directory for this package, outside of any project.

    Follows `XDG_CACHE_HOME` where set, else the platform's custom.
    """
    if environ.get("XDG_CACHE_HOME"):
        base = Path(environ["XDG_CACHE_HOME"])
    elif sys.platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = home / ".cache"
    return base / "pytest-perfmon"


@dataclass(frozen=True, slots=True)
class Slot:
    """A directory that this process alone uses until it leaves it.

    All slots of a cache have paths of one length.
    """

    directory: Path
    lock: int

    @property
    def tree(self) -> Path:
        """Where the source tree goes."""
        return self.directory / "tree"

    @property
    def kept(self) -> bool:
        """Whether the tree was built and stays for later runs."""
        return (self.directory / "built").exists()

    def keep(self) -> None:
        """Say that the tree is built; a slot of which this was never said is removed."""
        (self.directory / "built").touch()

    def leave(self) -> None:
        """Give the lock back; the directory goes too unless it is kept."""
        if not self.kept:
            remove_tree(self.directory)
        lock_path = _lock_path(self.directory)
        if os.name != "nt":  # an open file has to be closed first there
            lock_path.unlink(missing_ok=True)
        os.close(self.lock)
        if os.name == "nt":
            with contextlib.suppress(OSError):
                lock_path.unlink(missing_ok=True)


def fresh_slot(cache_dir: Path) -> Slot:
    """Take a slot that nobody used before."""
    return keyed_slot(cache_dir, secrets.token_hex(_KEY_DIGITS // 2))


def keyed_slot(cache_dir: Path, key: str) -> Slot:
    """Take the first free slot of a key of 16 hexadecimal digits; a kept one comes as it was left.

    A key has several slots, so that runs at the same time do not wait for each other and both
    sides of a comparison may hold the same sources.

    Raises:
        UsageError: where the cache directory cannot be written, or all the key's slots are in use.
    """
    home = _trees(cache_dir)
    try:
        home.mkdir(parents=True, exist_ok=True)
        return _take(home, key[:_KEY_DIGITS])
    except BlockingIOError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(
            f"cannot write to the cache directory {str(cache_dir)!r}: {error}"
        ) from error


def private_slot() -> Slot:
    """Take a place for temporary files, and remove what ended processes left in theirs.

    It lies where pytest's own `tmp_path` would, since a child's own is in it: on the same
    file system, and with a path short enough for Unix sockets.

    Raises:
        OSError: where the directory for temporary files cannot be written, or another user has
            taken the name in it.
    """
    user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
    home = Path(tempfile.gettempdir(), f"perfmon{user}")
    home.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    status = home.lstat()
    if user and not (stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()):
        raise PermissionError(errno.EPERM, "expected a directory of this user's", str(home))
    # it stays when it is empty: nobody else can take the name, then
    _sweep(home)
    return _take(home, secrets.token_hex(_PRIVATE_DIGITS // 2))


def sweep(cache_dir: Path) -> None:
    """Remove the trees that ended processes left, and what was kept and unused for thirty days."""
    _sweep(_trees(cache_dir))
    releases = releases_dir(cache_dir)
    for release in releases.iterdir() if releases.is_dir() else ():
        with contextlib.suppress(OSError):
            if _is_old(release):
                remove_tree(release)


def releases_dir(cache_dir: Path) -> Path:
    """Say where installed releases are kept; the time of change of each is that of its last use."""
    return cache_dir.resolve() / "pip"


def _take(home: Path, key: str) -> Slot:
    for twin in range(_TWINS):
        directory = home / f"{key}-{twin}"
        lock = _try_lock(directory)
        if lock is not None:
            slot = Slot(directory, lock)
            if not slot.kept:
                remove_tree(directory)
                directory.mkdir()
            return slot
    where = str(home)
    raise BlockingIOError(f"all {_TWINS} slots of {key!r} in {where!r} are in use by other runs")


def _sweep(home: Path) -> None:
    if not home.is_dir():
        return
    for name in {entry.name.removesuffix(".lock") for entry in home.iterdir()}:
        directory = home / name
        lock = _try_lock(directory)
        if lock is None:
            continue
        slot = Slot(directory, lock)
        with contextlib.suppress(OSError):
            built = directory / "built"
            if slot.kept and _is_old(built):
                built.unlink()
        slot.leave()


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _KEPT_FOR_S


def _trees(cache_dir: Path) -> Path:
    return cache_dir.resolve() / "trees"


def _lock_path(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}.lock")


def _try_lock(directory: Path) -> int | None:
    path = _lock_path(directory)
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # the file may have been removed by its owner between our open and our lock
        if os.path.samestat(os.fstat(handle), path.stat()):
            return handle
    except OSError:
        pass
    os.close(handle)
    return None
