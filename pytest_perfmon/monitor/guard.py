"""Run other people's functions so that they cannot hurt the code that is being watched."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

COMPLAINTS_KEPT: Final = 1000


class Guard:
    """Logs what a function raises, once for each function, and goes on."""

    __slots__ = ("_complained", "_logger")

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._complained: set[tuple[int, int]] = set()

    def call(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Call the function; None where it raised an `Exception`."""
        try:
            return fn(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not the caller's
            self.complain(fn, error)
            return None

    def complain(self, fn: object, error: BaseException) -> None:
        """Log the error of that function, unless one was logged before."""
        # A bound method is a new object each time that it is looked up.
        who = id(getattr(fn, "__self__", None)), id(getattr(fn, "__func__", fn))
        if who in self._complained or len(self._complained) >= COMPLAINTS_KEPT:
            return
        self._complained.add(who)
        # A broken log handler is one more thing that must not reach the caller.
        with contextlib.suppress(Exception):
            self._logger.error("%r raised; later errors of it are not logged", fn, exc_info=error)
