"""Helpers of the measuring tests."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from pytest_perfmon.measure.quiet import quiet


def undisturbed(test: Callable[..., None]) -> Callable[..., None]:
    """Let a test install tracers of its own while coverage measures this very suite."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with quiet():
            test(*args, **kwargs)

    return run


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end by hand, with no event loop."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stop:
        return stop.value
