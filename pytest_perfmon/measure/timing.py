"""The innermost loops: one batch of stretches, the clock read exactly twice for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.batch import Batch
from pytest_perfmon.measure.quiet import quiet


@dataclass(frozen=True, slots=True)
class Subject:
    """What is called between two readings of the clock, and what runs around them.

    Attributes:
        call: takes no arguments any more.
        setup: runs before each call, or None.
        teardown: runs after each call that was started, or None.
    """

    call: Callable[[], Any]
    setup: Callable[[], object] | None = None
    teardown: Callable[[], object] | None = None

    @property
    def one_call_a_stretch(self) -> bool:
        """Whether something has to run between any two calls."""
        return self.setup is not None or self.teardown is not None

    @contextmanager
    def surrounded(self) -> Iterator[None]:
        """Run the setup, a `with` block and, whatever becomes of the block, the teardown."""
        if self.setup is not None:
            self.setup()
        try:
            yield
        finally:
            if self.teardown is not None:
                self.teardown()


def bind(
    operation: str,
    call: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    setup: Callable[[], Any] | None,
    teardown: Callable[[], Any] | None,
) -> Subject:
    """Bind the arguments; a setup or teardown that would have to be awaited becomes an error."""
    return Subject(
        partial(call, *args, **kwargs) if args or kwargs else call,
        None if setup is None else _plain(f"the setup of {operation!r}", setup),
        None if teardown is None else _plain(f"the teardown of {operation!r}", teardown),
    )


def _plain(role: str, function: Callable[[], Any]) -> Callable[[], object]:
    def checked() -> None:
        returned = function()
        if isinstance(returned, Awaitable):
            discard(returned)
            raise MeasurementError(
                f"{role} returned {returned!r}: expected a plain function, nothing awaits it"
            )

    return checked


def discard(awaitable: Any) -> None:
    """Close a coroutine that nobody will await, so that it does not warn; others are left."""
    close = getattr(awaitable, "close", None)
    if isinstance(awaitable, Awaitable) and close is not None:
        close()


def time_calls(subject: Subject, batch: Batch, now_ns: Callable[[], int]) -> Any:
    """Fill the batch; gives the last call's result.

    Whatever the body raises comes through; `raw_ns` then holds the stretches before it.
    """
    call, setup, teardown = subject.call, subject.setup, subject.teardown
    append, until_ns = batch.raw_ns.append, batch.until_ns
    result = None
    with quiet(keep_hooks=batch.keep_hooks):
        if batch.calls_per_value > 1:
            for _ in repeat(None, batch.most):
                calls = repeat(None, batch.calls_per_value)
                start = now_ns()
                for _ in calls:
                    result = call()
                end = now_ns()
                append(end - start)
                if end >= until_ns:
                    break
            return result
        for _ in repeat(None, batch.most):
            if setup is not None:
                setup()
            try:
                start = now_ns()
                result = call()
                end = now_ns()
            finally:
                if teardown is not None:
                    teardown()
            append(end - start)
            if end >= until_ns:
                break
    return result


async def time_awaitables(subject: Subject, batch: Batch, now_ns: Callable[[], int]) -> Any:
    """Fill the batch, awaiting each call; the twin of `time_calls`, line by line."""
    call, setup, teardown = subject.call, subject.setup, subject.teardown
    append, until_ns = batch.raw_ns.append, batch.until_ns
    result = None
    with quiet(keep_hooks=batch.keep_hooks):
        if batch.calls_per_value > 1:
            for _ in repeat(None, batch.most):
                calls = repeat(None, batch.calls_per_value)
                start = now_ns()
                for _ in calls:
                    result = await call()
                end = now_ns()
                append(end - start)
                if end >= until_ns:
                    break
            return result
        for _ in repeat(None, batch.most):
            if setup is not None:
                setup()
            try:
                start = now_ns()
                result = await call()
                end = now_ns()
            finally:
                if teardown is not None:
                    teardown()
            append(end - start)
            if end >= until_ns:
                break
    return result
