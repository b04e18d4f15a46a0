"""What an exception says about a call, without importing the libraries that cancel calls."""

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


def error_type_of(error: BaseException) -> str:
    """Name the error's class, with its module unless it is built in."""
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
