"""One way to do something again and again in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from pytest_perfmon.monitor.guard import Guard


class Ticker:
    """Calls a function at even pauses from a daemon thread, until it is closed.

    What the function raises is logged once, and it is called again. A forked child has none until
    it makes its own.

    Args:
        function: called after each pause.
        every_s: the pause in seconds.
        guard: runs the function.
        name: of the thread.

    Raises:
        RuntimeError: where the platform has no threads.
    """

    def __init__(
        self, function: Callable[[], object], every_s: float, *, guard: Guard, name: str
    ) -> None:
        self._function = function
        self._every_s = every_s
        self._guard = guard
        # Unlike an Event, it has no lock that a fork could leave closed in the child.
        self._closing: SimpleQueue[None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Call no more; may be called again."""
        self._closing.put(None)

    def _run(self) -> None:
        while True:
            try:
                self._closing.get(timeout=self._every_s)
            except Empty:
                self._guard.call(self._function)
            else:
                return
