"""Run what asynchronous callbacks give back, without anybody waiting for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Awaitable, Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from pytest_perfmon.monitor.guard import Guard

if TYPE_CHECKING:
    import asyncio

RUNNING_AT_MOST: Final = 32

Job = Coroutine[Any, Any, None]


class Background:
    """Runs awaitables on the event loop that is running, else each on a loop in a daemon thread.

    At most `RUNNING_AT_MOST` at a time; what comes on top is dropped. That, and what an awaitable
    raises, is logged as an error of the callback that it came from.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.forget()

    def forget(self) -> None:
        """Count nothing as running: in a forked child neither threads nor loops came along."""
        # With its task, where it has one: a loop itself holds tasks weakly.
        self._running: dict[Job, asyncio.Task[None] | None] = {}

    def run(self, awaitable: Awaitable[Any], source: object) -> None:
        """Have the awaitable run, which `source` gave; returns at once and never raises."""
        job = self._finish(awaitable, source)
        try:
            self._make_room()
            loop = _running_loop()
            if loop is None:
                self._running[job] = None
                # In a copy of this context, like a task, so that it knows it is inside an alert.
                run = copy_context().run
                threading.Thread(
                    target=run, args=(self._run_alone, job), name="perfmon-callback", daemon=True
                ).start()
            else:
                self._running[job] = task = loop.create_task(job)
                # Not at the job's own end: one that is cancelled too early never begins.
                task.add_done_callback(lambda _task: self._end(job, awaitable))
        except Exception as error:  # noqa: BLE001 - such as: this platform has no threads
            self._end(job, awaitable)
            self._guard.complain(source, error)

    def _make_room(self) -> None:
        for job, task in list(self._running.items()):
            if task is not None and task.get_loop().is_closed():
                self._running.pop(job, None)
        if len(self._running) >= RUNNING_AT_MOST:
            raise RuntimeError(f"dropped: {RUNNING_AT_MOST} asynchronous callbacks are running")

    async def _finish(self, awaitable: Awaitable[Any], source: object) -> None:
        try:
            await awaitable
        except Exception as error:  # noqa: BLE001 - nobody awaits this, so nobody else would say it
            self._guard.complain(source, error)

    def _run_alone(self, job: Job) -> None:
        import asyncio  # noqa: PLC0415 - costs 12 ms, which only its users should pay

        try:
            asyncio.run(job)
        finally:
            self._running.pop(job, None)

    def _end(self, job: Job, awaitable: Awaitable[Any]) -> None:
        """Count the job no longer; one that did not begin must not warn about that."""
        self._running.pop(job, None)
        job.close()
        if isinstance(awaitable, Coroutine):
            awaitable.close()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    # Where nobody has imported asyncio, none of its loops is running.
    if "asyncio" not in sys.modules:
        return None
    import asyncio  # noqa: PLC0415 - as above

    return asyncio._get_running_loop()  # noqa: SLF001 - documented; the public twin raises
