"""One measurement at a time on this machine: a lock across the worker processes of a run.

A measuring test holds the room alone; every other test shares it. Whoever wants it alone shuts
the gate first, so that a stream of sharers cannot keep it waiting for ever.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

_POLL_SECONDS: Final = 0.01


class MachineLock:
    """A lock that processes share through two files in a directory."""

    def __init__(self, directory: Path) -> None:
        self._gate = directory / "gate"
        self._room = directory / "room"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the room with nobody else in it."""
        with _held(self._gate, exclusive=True), _held(self._room, exclusive=True):
            yield

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the room together with other sharers."""
        with _held(self._gate, exclusive=False):
            room = _acquire(self._room, exclusive=False)
        try:
            yield
        finally:
            os.close(room)


@contextlib.contextmanager
def _held(path: Path, *, exclusive: bool) -> Iterator[None]:
    descriptor = _acquire(path, exclusive=exclusive)
    try:
        yield
    finally:
        os.close(descriptor)


if fcntl is not None:

    def _acquire(path: Path, *, exclusive: bool) -> int:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        return descriptor

else:  # pragma: no cover - Windows knows exclusive locks only, which is safe if slower
    import msvcrt

    def _acquire(path: Path, *, exclusive: bool) -> int:  # noqa: ARG001 - see above
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        while True:
            with contextlib.suppress(OSError):
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                return descriptor
            time.sleep(_POLL_SECONDS)
