"""What a run makes of the measuring forms: one interface, one implementation a mode.

`once` runs bodies once, `sampling` measures them for budgets and stored runs, `slicing` measures
them in turn with the other side of an A/B.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pytest_perfmon.monitor.core import PerformanceMonitor


@dataclass(frozen=True, slots=True)
class Call:
    """A function that a test hands over to be measured.

    Attributes:
        operation: its name.
        fn: the function.
        args, kwargs: its arguments.
        setup, teardown: what runs around every call, outside the clock.
    """

    operation: str
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    setup: Callable[[], Any] | None = None
    teardown: Callable[[], Any] | None = None


class Rounds(Iterable[None], AsyncIterable[None], Protocol):
    """The rounds of a body that stands in a `for` or `async for` loop."""


class Way(Protocol):
    """How one test's forms are carried out."""

    @property
    def runs_body_once(self) -> bool:
        """Whether a marked body without a form runs a single time, which is the measured one."""

    def call(self, call: Call) -> Any:
        """Carry out a call; gives its last result, or something to await for it."""

    def rounds(
        self, operation: str, monitors: Sequence[PerformanceMonitor], *, whole_test: bool = False
    ) -> Rounds:
        """Give the rounds of a body; what the monitors track inside are operations too.

        The body of a whole test may turn out to use a measuring form; then its own rounds count
        for nothing.
        """

    def finish(self, *, interrupted: bool) -> None:
        """Hand over what was measured, however loops were left.

        Raises:
            MeasurementError: for a call that was begun and never awaited.
        """
