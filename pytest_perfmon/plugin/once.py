"""The plain run: every form runs its body once and measures nothing."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_perfmon.measure.timing import bind
from pytest_perfmon.plugin.way import Call, Rounds

if TYPE_CHECKING:
    from pytest_perfmon.monitor.core import PerformanceMonitor


class Once:
    """Carries out forms by running them."""

    runs_body_once = True

    def call(self, call: Call) -> Any:
        """Call the function, setup and teardown around it."""
        subject = bind(
            call.operation,
            call.fn,
            call.args,
            call.kwargs,
            setup=call.setup,
            teardown=call.teardown,
        )
        if subject.setup is not None:
            subject.setup()
        if subject.teardown is None:
            return subject.call()
        try:
            result = subject.call()
        except BaseException:
            subject.teardown()
            raise
        if inspect.isawaitable(result):
            return _awaited(result, subject.teardown)
        subject.teardown()
        return result

    def rounds(
        self,
        operation: str,  # noqa: ARG002 - nothing is recorded
        monitors: Sequence[PerformanceMonitor],  # noqa: ARG002 - as above
        *,
        whole_test: bool = False,  # noqa: ARG002 - as above
    ) -> Rounds:
        """Give one round."""
        return OneRound()

    def finish(self, *, interrupted: bool) -> None:
        """Do nothing."""


class OneRound:
    """A loop of a single round."""

    def __iter__(self) -> Iterator[None]:
        yield

    async def __aiter__(self) -> AsyncIterator[None]:
        yield


async def _awaited(result: Any, teardown: Callable[[], object]) -> Any:
    try:
        return await result
    finally:
        teardown()
