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
        return len(tasks) + sum(len(_children(task)) for task in tasks)
    return threading.active_count()


def _children(task: Path) -> list[str]:
    with contextlib.suppress(OSError):  # the thread may have ended since it was listed
        return task.joinpath("children").read_text(encoding="ascii").split()
    return []


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
    if CAN_PIN and cpus:
        for task in _tasks(str(process or "self")):
            _move(int(task.name), cpus)


def let_go(cpu: int, cpus: tuple[int, ...]) -> None:
    """Let this process run on those CPUs, and whatever it has started that is kept on one of them.

    A child has its parent's CPUs; what was given others by the tests stays there.

    Args:
        cpu: where this process was kept.
        cpus: where it may run.
    """
    run_on(cpus)
    todo = _tasks("self") if CAN_PIN else []
    while todo:
        for child in _children(todo.pop()):
            for task in _tasks(child):
                todo.append(task)
                with contextlib.suppress(OSError):
                    if os.sched_getaffinity(int(task.name)) == {cpu}:
                        _move(int(task.name), cpus)


def _tasks(process: str) -> list[Path]:
    """List the threads of a process; where the system has no list, the caller is all of this one's.

    One that has ended has none.
    """
    with contextlib.suppress(OSError):
        return list((_PROCESSES / process / "task").iterdir())
    return [Path("0")] if process == "self" else []


def _move(task: int, cpus: Sequence[int]) -> None:
    with contextlib.suppress(OSError):  # it may have ended meanwhile
        os.sched_setaffinity(task, cpus)
