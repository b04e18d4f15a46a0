"""Marked tests without a measuring form: the body itself is the operation, run over and over."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_perfmon.plugin.fixture import PerfMonitor
from pytest_perfmon.plugin.hush import QuietSubtests, forget_records, hushed
from pytest_perfmon.plugin.recording import Recording
from pytest_perfmon.plugin.way import Way

_SEED = 0
_BODY_ENDED = (Exception, pytest.fail.Exception, pytest.skip.Exception)
"""What a body may raise; pytest's own outcomes are no `Exception`."""


class Body:
    """A test's body while it is wrapped.

    Attributes:
        completed: whether it ran to its end, which unittest does not tell by an exception.
    """

    def __init__(
        self, item: pytest.Function, recording: Recording, monitor: PerfMonitor, way: Way
    ) -> None:
        self._item = item
        self._way = way
        self._recording = recording
        self._monitor = monitor
        self._original: Callable[..., Any] = item.obj
        self.completed = False

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the item run the wrapped body; put the original back afterwards."""
        wrapped = self._async_body() if _is_async(self._original) else self._sync_body()
        instance = _test_case_of(self._item)
        replaced_on_instance = instance is not None and _is_async(self._original)
        self._item.obj = wrapped
        if replaced_on_instance:
            setattr(instance, self._item.originalname, wrapped)
        try:
            with _fixed_seed(self._original):
                yield
        finally:
            self._item.obj = self._original
            if replaced_on_instance:
                delattr(instance, self._item.originalname)

    def _sync_body(self) -> Callable[..., Any]:
        @functools.wraps(self._original)
        def body(*args: Any, **kwargs: Any) -> None:
            if self._is_measured_once:
                for _ in self._monitor.only_round():
                    self._original(*args, **kwargs)
            else:
                self._original(*args, **kwargs)
                if self._is_repeated:
                    with self._repeating(kwargs) as again:
                        for _ in self._monitor.body_rounds():
                            forget_records()
                            self._original(*args, **again)
            self.completed = True

        return body

    def _async_body(self) -> Callable[..., Any]:
        @functools.wraps(self._original)
        async def body(*args: Any, **kwargs: Any) -> None:
            if self._is_measured_once:
                async for _ in self._monitor.only_round():
                    await self._original(*args, **kwargs)
            else:
                await self._original(*args, **kwargs)
                if self._is_repeated:
                    with self._repeating(kwargs) as again:
                        async for _ in self._monitor.body_rounds():
                            forget_records()
                            await self._original(*args, **again)
            self.completed = True

        return body

    @property
    def _is_measured_once(self) -> bool:
        """Whether `rounds=1` asks that the one run of the body be the measured one."""
        return bool(self._recording.budgets) and self._way.runs_body_once

    @property
    def _is_repeated(self) -> bool:
        """Whether the body, after its first run, turns out to be the operation."""
        return bool(self._recording.budgets) and not self._recording.claimed

    @contextlib.contextmanager
    def _repeating(self, kwargs: dict[str, Any]) -> Iterator[dict[str, Any]]:
        again = dict(kwargs)
        if "subtests" in again:
            again["subtests"] = QuietSubtests()
        try:
            with hushed(self._item), _quiet_sub_test(_test_case_of(self._item)):
                yield again
        except _BODY_ENDED as error:
            pytest.fail(
                f"{self._item.name} passes once, not repeatable: use rounds() or rounds=1"
                f" ({type(error).__name__}: {error})",
                pytrace=False,
            )


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function)


def _test_case_of(item: pytest.Function) -> Any:
    unittest = sys.modules.get("unittest")
    instance = getattr(item, "instance", None)
    return instance if unittest and isinstance(instance, unittest.TestCase) else None


@contextlib.contextmanager
def _quiet_sub_test(instance: Any) -> Iterator[None]:
    if instance is None:
        yield
        return
    instance.subTest = QuietSubtests().test
    try:
        yield
    finally:
        del instance.subTest


def uses_given(item: pytest.Item) -> bool:
    """Say whether Hypothesis runs the item's body."""
    return bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))


@contextlib.contextmanager
def _fixed_seed(original: Callable[..., Any]) -> Iterator[None]:
    """Let every run of a property draw the same examples."""
    if not getattr(original, "is_hypothesis_test", False):
        yield
        return
    import hypothesis  # noqa: PLC0415 - present, since the test uses it

    function = getattr(original, "__func__", original)
    before = dict(vars(function))
    hypothesis.seed(_SEED)(function)
    try:
        yield
    finally:
        vars(function).clear()
        vars(function).update(before)
