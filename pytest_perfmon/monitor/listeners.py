"""Those who hear of every counted call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_perfmon.monitor.guard import Guard

Listener = Callable[[str, Sequence[int], Sequence[str]], object]


class Listeners:
    """Tells everybody who subscribed; what they raise is logged once."""

    __slots__ = ("_guard", "_subscribed")

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._subscribed: dict[object, Listener] = {}

    def add(self, listener: Listener) -> object:
        """Subscribe the listener; gives the key that ends this subscription."""
        key = object()
        self._subscribed[key] = listener
        return key

    def remove(self, key: object) -> None:
        """End a subscription, if it has not been ended before."""
        self._subscribed.pop(key, None)

    def tell(self, operation: str, durations_ns: Sequence[int], error_types: Sequence[str]) -> None:
        """Pass newly counted calls of one operation on."""
        for listener in list(self._subscribed.values()):
            self._guard.call(listener, operation, durations_ns, error_types)
