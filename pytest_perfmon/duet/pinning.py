"""Keeping a process on one CPU, where the system lets it and the process has nothing beside it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

CAN_PIN: Final = hasattr(os, "sched_setaffinity")
_TASKS: Final = Path("/proc/self/task")


def usable_cpus() -> tuple[int, ...]:
    """Give the CPUs that this process may run on; none where the system cannot pin."""
    return tuple(sorted(os.sched_getaffinity(0))) if CAN_PIN else ()


def company() -> int:
    """Count the threads and children of this process, which one CPU may not be enough for."""
    with contextlib.suppress(OSError):
        tasks = list(_TASKS.iterdir())  # native threads included
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


def run_on(cpus: tuple[int, ...]) -> None:
    """Let every thread of this process run on those CPUs only; the system may refuse."""
    if not CAN_PIN:
        return
    with contextlib.suppress(OSError):
        tasks = [int(task.name) for task in _TASKS.iterdir()] if _TASKS.is_dir() else [0]
        for task in tasks:
            os.sched_setaffinity(task, cpus)
