"""Tell cancellation from failure without importing the libraries that cancel."""

from __future__ import annotations

from typing import Final

_CANCELLING: Final = {
    ("builtins", "GeneratorExit"),
    ("asyncio.exceptions", "CancelledError"),
    ("trio", "Cancelled"),
}


def is_cancellation(error: BaseException) -> bool:
    """Whether the error only says that nobody wants the result any more.

    That is asyncio's and trio's cancellation, a generator closed before its end, subclasses of
    these, and groups that hold nothing else.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(is_cancellation(inner) for inner in error.exceptions)
    return any((base.__module__, base.__qualname__) in _CANCELLING for base in type(error).__mro__)
