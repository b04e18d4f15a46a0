"""Quiet surroundings for a timed stretch: no garbage collector, no tracers, no profilers."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any, Final

_MONITORING: Final[Any] = getattr(sys, "monitoring", None)  # from Python 3.12 on
_TOOL_IDS: Final = range(6)


def _event_bits() -> tuple[int, ...]:
    if _MONITORING is None:
        return ()
    bits = {name: bit for name, bit in vars(_MONITORING.events).items() if name.isupper() and bit}
    if "BRANCH_LEFT" in bits:
        del bits["BRANCH"]  # the old name of the two new events together
    return tuple(bits.values())


_EVENTS: Final = _event_bits()


def quiet(*, keep_hooks: bool = False) -> AbstractContextManager[None]:
    """Switch off what disturbs a timed stretch, and put back exactly what was found.

    Off are the garbage collector; `sys.settrace`, `sys.setprofile` and their `threading` twins,
    which reach threads that start inside; and every `sys.monitoring` tool: its global events and
    its callbacks (events that a tool has set on single code objects stay set and reach nobody).
    Threads that already run keep their own trace and profile functions. A C profiler that offers
    no way to be switched on again is left on.

    The same function has to enter and leave: tracers count calls and returns.

    Args:
        keep_hooks: leave tracers, profilers and monitoring tools on.
    """
    return _GcOff() if keep_hooks else _Quiet()


class _GcOff:
    __slots__ = ("_was_on",)

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        (gc.enable if self._was_on else gc.disable)()


class _Quiet(_GcOff):
    __slots__ = ("_local", "_profile", "_thread_profile", "_thread_trace", "_tools", "_trace")

    def __enter__(self) -> None:
        super().__enter__()
        self._trace: Any = sys.gettrace()
        self._profile: Any = sys.getprofile()
        self._thread_trace: Any = threading.gettrace()
        self._thread_profile: Any = threading.getprofile()
        self._local = _frame().f_trace
        self._tools: list[_Tool] = []
        try:
            sys.settrace(None)
            _set_profile(self._profile, on=False)
            threading.settrace(None)
            threading.setprofile(None)
            _silence_tools(self._tools)
        except BaseException:  # Ctrl-C between two of them
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, at)
        for tool in self._tools:
            tool.restore()
        threading.setprofile(self._thread_profile)
        threading.settrace(self._thread_trace)
        _set_profile(self._profile, on=True)
        # A tracer saw `__enter__` being called and not its return; it sees this frame's return.
        _frame().f_trace = self._local
        sys.settrace(self._trace)
        _traced()


def _frame() -> FrameType:
    return sys._getframe(1)  # noqa: SLF001 - the documented way to one's own frame


def _traced() -> None:
    """Be called: a tracer written in C goes from Python's slow hook to its own at the next call."""


def _set_profile(profile: Any, *, on: bool) -> None:
    if callable(profile):
        sys.setprofile(profile if on else None)
    elif hasattr(profile, "enable"):  # cProfile before Python 3.12
        (profile.enable if on else profile.disable)()


class _Tool:
    """One `sys.monitoring` tool, silenced."""

    __slots__ = ("_callbacks", "_events", "_id")

    def __init__(self, tool_id: int) -> None:
        self._id = tool_id
        self._callbacks: list[tuple[int, Callable[..., Any]]] = []
        self._events: int = _MONITORING.get_events(tool_id)

    def silence(self) -> None:
        if self._events:
            _MONITORING.set_events(self._id, 0)
        for event in _EVENTS:
            callback = _MONITORING.register_callback(self._id, event, None)
            if callback is not None:
                self._callbacks.append((event, callback))

    def restore(self) -> None:
        for event, callback in self._callbacks:
            _MONITORING.register_callback(self._id, event, callback)
        if self._events:
            _MONITORING.set_events(self._id, self._events)


def _silence_tools(silenced: list[_Tool]) -> None:
    if _MONITORING is None:
        return
    for tool_id in _TOOL_IDS:
        if _MONITORING.get_tool(tool_id) is not None:
            tool = _Tool(tool_id)
            silenced.append(tool)
            tool.silence()
