"""Wrap functions so that every call is timed: sync, async, generators and async generators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from typing import Any, ParamSpec, TypeVar, cast

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.arguments import checked_function
from pytest_perfmon.monitor.operation import FOLD_AT, Operation
from pytest_perfmon.monitor.span import Span

P = ParamSpec("P")
R = TypeVar("R")
Track = Callable[[str], Span]
WrapFunction = Callable[[Callable[..., Any], str], Callable[..., Any]]


def time_calls(
    name: str | None, track: Track, wrap_function: WrapFunction
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a decorator that times every call of a function under that name.

    An `async def` function is timed until its result is there, a generator from its first step
    until it is exhausted or closed (what its consumer does in between included). The wrapper keeps
    name, signature, docstring and kind of the function.

    Args:
        name: the operation; None stands for the function's module and qualified name.
        track: makes the span of one call.
        wrap_function: wraps a plain function, given it and its operation's name, by a shorter way
            than a span.

    Raises:
        UsageError: for what is no function, at decoration.
    """
    if callable(name):
        raise UsageError(
            f"track_performance was applied to {name!r} without parentheses:"
            ' expected @track_performance() or @track_performance("operation")'
        )

    def decorate(fn: Callable[P, R]) -> Callable[P, R]:
        checked_function(fn)
        named = _name_of(fn) if name is None else name
        wrapper: Callable[..., Any]
        if inspect.iscoroutinefunction(fn):
            wrapper = _time_coroutine(fn, named, track)
        elif inspect.isgeneratorfunction(fn):
            wrapper = _time_generator(fn, named, track)
        elif inspect.isasyncgenfunction(fn):
            wrapper = _time_async_generator(fn, named, track)
        else:
            wrapper = wrap_function(fn, named)
        return cast("Callable[P, R]", functools.wraps(fn)(wrapper))

    return decorate


def time_function(fn: Callable[..., R], operation: Operation) -> Callable[..., R]:
    """Wrap a plain function; as a span around each call, without the cost of the span."""
    clock_ns = operation.clock_ns

    def timed(*args: Any, **kwargs: Any) -> R:
        nonlocal operation
        start_ns = clock_ns()
        try:
            # Unpacking an empty dict costs a quarter of what reading the clock twice does.
            result = fn(*args, **kwargs) if kwargs else fn(*args)
        except BaseException as error:
            operation = operation.attend(operation, clock_ns() - start_ns, error, None)
            raise
        elapsed_ns = clock_ns() - start_ns
        if elapsed_ns < operation.attention_ns:
            pending = operation.pending
            pending.append(elapsed_ns)
            if len(pending) >= FOLD_AT:
                operation.fold()
        else:
            operation = operation.attend(operation, elapsed_ns, None, None)
        return result

    return timed


def time_function_anywhere(
    fn: Callable[..., R], name: str, find: Callable[[str], Operation | None]
) -> Callable[..., R]:
    """As `time_function`, for an operation that is found anew at each call; None times nothing."""

    def timed(*args: Any, **kwargs: Any) -> R:
        operation = find(name)
        if operation is None:
            return fn(*args, **kwargs)
        clock_ns = operation.clock_ns
        start_ns = clock_ns()
        try:
            result = fn(*args, **kwargs) if kwargs else fn(*args)
        except BaseException as error:
            operation.attend(operation, clock_ns() - start_ns, error, None)
            raise
        elapsed_ns = clock_ns() - start_ns
        if elapsed_ns < operation.attention_ns:
            pending = operation.pending
            pending.append(elapsed_ns)
            if len(pending) >= FOLD_AT:
                operation.fold()
        else:
            operation.attend(operation, elapsed_ns, None, None)
        return result

    return timed


def _name_of(fn: Callable[..., Any]) -> str:
    qualified = getattr(fn, "__qualname__", None)
    if qualified is None:
        raise UsageError(
            f"track_performance was applied to {fn!r}, which has no name:"
            " expected an operation's name in its parentheses"
        )
    return f"{fn.__module__}.{qualified}"


def _time_coroutine(fn: Callable[..., Any], name: str, track: Track) -> Callable[..., Any]:
    async def timed(*args: Any, **kwargs: Any) -> Any:
        with track(name):
            return await fn(*args, **kwargs)

    return timed


def _time_generator(
    fn: Callable[..., Generator[Any, Any, Any]], name: str, track: Track
) -> Callable[..., Generator[Any, Any, Any]]:
    def timed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with track(name):
            return (yield from fn(*args, **kwargs))

    return timed


def _time_async_generator(
    fn: Callable[..., AsyncGenerator[Any, Any]], name: str, track: Track
) -> Callable[..., AsyncGenerator[Any, Any]]:
    async def timed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with track(name):
            async with aclosing(fn(*args, **kwargs)) as inner:
                # There is no `yield from` here, so every way in is forwarded by hand.
                try:
                    value = await anext(inner)
                    while True:
                        try:
                            sent = yield value
                        except GeneratorExit:
                            raise
                        except BaseException as error:  # noqa: BLE001 - the generator's to handle
                            value = await inner.athrow(error)
                        else:
                            value = await inner.asend(sent)
                except StopAsyncIteration:
                    return

    return timed
