"""Check what users hand to a monitor; every error names the argument and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pytest_perfmon.errors import UsageError

F = TypeVar("F", bound=Callable[..., object])


def checked_name(name: object) -> str:
    """Give an operation's name back: a text that is not empty."""
    if isinstance(name, str) and name:
        return name
    raise UsageError(f"operation is {name!r}: expected a text such as 'database.query'")


def checked_count(value: object, what: str) -> int:
    """Give an integer back: at least 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise UsageError(f"{what} is {value!r}: expected an integer of at least 1")


def checked_share(value: object, what: str) -> float:
    """Give a number back: from 0 to 1, both included."""
    if isinstance(value, (int, float)) and 0 <= value <= 1:
        return value
    raise UsageError(f"{what} is {value!r}: expected a share between 0 and 1, such as 0.1")


def checked_callback(value: F | None, what: str) -> F | None:
    """Give a callback back: a function, or None."""
    if value is None or callable(value):
        return value
    raise UsageError(f"{what} is {value!r}: expected a function that takes an event")


def checked_function(value: object) -> None:
    """Accept what `track_performance` can wrap: a function or another plain callable."""
    if not callable(value) or isinstance(value, (type, staticmethod)):
        raise UsageError(
            f"track_performance was applied to {value!r}: expected a function;"
            " it stands below @staticmethod, @classmethod and @property"
        )
