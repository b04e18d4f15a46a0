"""Keeping a process on one CPU, where the system lets it and the process has nothing beside it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

CAN_PIN: Final = hasattr(os, "sched_setaffinity")
_PROCESSES: Final = Path("/proc")


def usable_cpus() -> tuple[int, ...]:
    """Give the CPUs that this process may run on; none where the system cannot pin."""
    return tuple(sorted(os.sched_getaffinity(0))) if CAN_PIN else ()


def company() -> int:
    """Count the threads and children of this process, which one CPU may not be enough for."""
    with contextlib.suppress(OSError):
        tasks = list((_PROCESSES / "self" / "task").iterdir())  # native threads included
        return len(tasks) + sum(
            len(task.joinpath("children").read_text().split()) for task in tasks
        )
    return threading.active_count()


@contextlib.contextmanager
def starting_beside(cpus: Sequence[int]) -> Iterator[None]:
    """Keep this thread, and the processes that it starts, off the last CPU, which measures."""
    if len(cpus) < 2 or not CAN_PIN:  # noqa: PLR2004 - there is no other CPU
        yield
        return
    before = os.sched_getaffinity(0)
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, cpus[:-1])
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, before)


def run_on(cpus: tuple[int, ...], process: int = 0) -> None:
    """Let every thread of a process, usually this one, run on those CPUs only.

    The system may refuse.
    """
    if not CAN_PIN or not cpus:
        return
    threads = _PROCESSES / str(process or "self") / "task"
    tasks = [process]
    with contextlib.suppress(OSError):
        tasks = [int(task.name) for task in threads.iterdir()]
    for task in tasks:
        with contextlib.suppress(OSError):  # one may have ended meanwhile
            os.sched_setaffinity(task, cpus)
