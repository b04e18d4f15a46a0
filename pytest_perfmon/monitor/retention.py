"""Events worth looking at one by one: built scrubbed and short, kept in a bounded ring."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from types import FrameType
from typing import Any, Final, Literal, NamedTuple

EVENTS_KEPT: Final = 500
METADATA_KEYS_KEPT: Final = 16
TEXT_KEPT: Final = 256
STACK_FRAMES_KEPT: Final = 20
SCRUBBED: Final = "[scrubbed]"

_SECRET: Final = re.compile(
    r"api[_-]?key|auth|bearer|cookie|credential|csrf|passphrase|passw(?:or)?d|private[_-]?key|pwd"
    r"|secret|session|signature|token",
    re.IGNORECASE,
)
_OWN_FRAMES: Final = __name__.rpartition(".")[0]

Slowness = Literal["slow", "very_slow"]


class Event(NamedTuple):
    """One call that was slow, failed, or carried metadata.

    Attributes:
        operation: the operation it was counted under.
        duration: milliseconds.
        success: whether it returned.
        error_type: the qualified class of what it raised, cancellation included; None on success.
        slowness: `slow` or `very_slow` where it reached that threshold, else None.
        metadata: at most 16 keys; values that are no plain numbers are texts of at most 256
            characters, and those under a key that sounds secret are gone.
        timestamp: when it ended, seconds since 1970 UTC.
        stack: who called, innermost first, as `file:line function`; empty where not captured.
            Taken at the end of the call, it does not show where the time went.
    """

    operation: str
    duration: float
    success: bool
    error_type: str | None
    slowness: Slowness | None
    metadata: Mapping[str, str | int | float | bool | None]
    timestamp: float
    stack: tuple[str, ...]


class EventRing:
    """The newest events, at most `EVENTS_KEPT`; safe to use from any thread."""

    __slots__ = ("_events",)

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)

    def add(self, event: Event) -> None:
        """Keep the event, dropping the oldest one where the ring is full."""
        self._events.append(event)

    def newest(self) -> tuple[Event, ...]:
        """Give what is kept, oldest first."""
        return tuple(self._events.copy())

    def discard(self, operations: set[str]) -> None:
        """Forget the events of these operations."""
        for event in self.newest():
            if event.operation in operations and event in self._events:
                self._events.remove(event)


def scrub(metadata: Mapping[str, Any]) -> dict[str, str | int | float | bool | None]:
    """Give a short copy that is safe to show; never raises for what a value's repr does."""
    kept: dict[str, str | int | float | bool | None] = {}
    for key, value in list(metadata.items())[:METADATA_KEYS_KEPT]:
        name = str(key)[:TEXT_KEPT]
        kept[name] = SCRUBBED if _sounds_secret(name) else _plain(value)
    return kept


@lru_cache(maxsize=1000)
def _sounds_secret(key: str) -> bool:
    return _SECRET.search(key) is not None


def _plain(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception as error:  # noqa: BLE001 - a foreign repr must not break the caller's call
        text = f"<repr raised {type(error).__name__}>"
    return text[:TEXT_KEPT]


def calling_stack() -> tuple[str, ...]:
    """Describe who called into the monitor, innermost frame first, without reading sources."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the cheap way; `inspect.stack` reads source files
    described: list[str] = []
    while frame is not None and len(described) < STACK_FRAMES_KEPT:
        if not frame.f_globals.get("__name__", "").startswith(_OWN_FRAMES):
            code = frame.f_code
            described.append(f"{code.co_filename}:{frame.f_lineno} {code.co_qualname}")
        frame = frame.f_back
    return tuple(described)
