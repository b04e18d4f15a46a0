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
        self._running: set[Awaitable[Any]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, awaitable: Awaitable[Any], source: object) -> None:
        """Have the awaitable run, which `source` gave; returns at once and never raises."""
        job = self._finish(awaitable, source)
        try:
            self._make_room()
            self._running.add(awaitable)
            loop = _running_loop()
            if loop is None:
                # In a copy of this context, like a task, so that it knows it is inside an alert.
                run = copy_context().run
                threading.Thread(
                    target=run, args=(_run_alone, job), name="perfmon-callback", daemon=True
                ).start()
            else:
                # The loop itself holds tasks weakly.
                task = loop.create_task(job)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except Exception as error:  # noqa: BLE001 - such as: this platform has no threads
            self._running.discard(awaitable)
            job.close()
            _close(awaitable)
            self._guard.complain(source, error)

    def _make_room(self) -> None:
        if len(self._running) >= RUNNING_AT_MOST:
            raise RuntimeError(f"dropped: {RUNNING_AT_MOST} asynchronous callbacks are running")

    async def _finish(self, awaitable: Awaitable[Any], source: object) -> None:
        try:
            await awaitable
        except Exception as error:  # noqa: BLE001 - nobody awaits this, so nobody else would say it
            self._guard.complain(source, error)
        finally:
            self._running.discard(awaitable)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    # Where nobody has imported asyncio, none of its loops is running.
    if "asyncio" not in sys.modules:
        return None
    import asyncio  # noqa: PLC0415 - costs 12 ms, which only its users should pay

    return asyncio._get_running_loop()  # noqa: SLF001 - documented; the public twin raises


def _run_alone(job: Coroutine[Any, Any, None]) -> None:
    import asyncio  # noqa: PLC0415 - as above

    asyncio.run(job)


def _close(awaitable: Awaitable[Any]) -> None:
    """Close a coroutine that will not run, so that it does not warn about that."""
    close = getattr(awaitable, "close", None)
    if close is not None:
        close()
