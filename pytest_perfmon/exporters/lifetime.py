"""See exporters through forks, and to the end of whatever process they are in."""

from __future__ import annotations

import atexit
import os
import sys
from functools import cache
from typing import Final, Protocol


class Lasting(Protocol):
    """What lives as long as its process unless it is closed before."""

    def start_in_child(self) -> None:
        """Go on in a forked child."""

    def close(self) -> None:
        """Finish; does nothing when it is called again."""


_open: Final[set[Lasting]] = set()


def begin(one: Lasting) -> None:
    """Have it start in each forked child from now on, and closed where a process ends orderly.

    That is at the interpreter's exit, and at the end of multiprocessing's workers, most of which
    come to none.
    """
    _open.add(one)
    atexit.register(one.close)
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        _close_with_worker(os.getpid())


def end(one: Lasting) -> None:
    """Forget what is closed."""
    atexit.unregister(one.close)
    _open.discard(one)


def _close_all() -> None:
    for one in list(_open):
        one.close()


@cache
def _close_with_worker(_pid: int) -> None:
    """Have multiprocessing close what is open, once for each process."""
    from multiprocessing.util import Finalize  # noqa: PLC0415 - loaded, or this is no worker

    Finalize(None, _close_all, exitpriority=0)


def _after_fork(_: object) -> None:
    _close_with_worker(os.getpid())


def _start_in_child() -> None:
    for one in list(_open):
        one.start_in_child()
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        # A new worker forgets what its parent's end has to do, and then calls this.
        util.register_after_fork(_close_all, _after_fork)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_start_in_child)
