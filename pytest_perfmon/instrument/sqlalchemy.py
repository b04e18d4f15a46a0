"""Statements and transactions of a SQLAlchemy engine as operations of a monitor."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from pytest_perfmon.errors import UsageError
from pytest_perfmon.instrument.statements import kind_of
from pytest_perfmon.monitor.ambient import checked_monitor, current_monitor
from pytest_perfmon.monitor.arguments import checked_name
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.span import Span

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Dialect, Engine, ExceptionContext, ExecutionContext
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.pool import PoolProxiedConnection

ENDINGS: Final = {"do_commit": "commit", "do_rollback": "rollback"}
"""The methods by which a dialect ends a transaction, and the operations that they are."""

ENDING: Final = "perfmon_ending"
"""Set on a pooled connection while a transaction of the application's ends."""


def instrument_engine(
    engine: Engine | AsyncEngine,
    monitor: PerformanceMonitor | None = None,
    *,
    name: str = "sql",
) -> EngineInstrument:
    """Time everything that the engine sends to its database, until the result's `remove()`.

    A statement is one call of `sql.select`, `sql.insert`, and so on (see `kind_of`), from handing
    it to the driver to the driver's answer; rows that a driver fetches later are not in it, and
    neither is waiting for a connection. One `executemany` is one call; where SQLAlchemy sends it
    in batches, each batch is one. Commits and rollbacks are `sql.commit` and `sql.rollback`; the
    rollback with which a pool takes a connection back is nobody's operation. A statement that
    fails is counted under the class of SQLAlchemy's error where there is one, a commit that fails
    under the driver's. Neither the text of a statement nor its parameters are kept anywhere.

    An engine may have several instruments. Put them on and take them off while nothing runs on
    the engine, since SQLAlchemy's lists of listeners must not change beneath a running statement.

    Args:
        engine: a sync or an async engine; what `execution_options()` makes of it is heard too.
        monitor: who counts; the monitor that is ambient at each statement unless one is given.
        name: what the operations' names start with, to tell several engines apart.

    Raises:
        UsageError: for what is no engine or no monitor, or a name that is no text.
    """
    from sqlalchemy.engine import Engine  # noqa: PLC0415 - there only where somebody has an engine

    sync_engine = getattr(engine, "sync_engine", engine)
    if not isinstance(sync_engine, Engine):
        raise UsageError(f"engine is {engine!r}: expected a SQLAlchemy Engine or AsyncEngine")
    return EngineInstrument(sync_engine, checked_monitor(monitor), checked_name(name))


class EngineInstrument:
    """What `instrument_engine` gives: ends the timing by `remove()`, or as a `with` block does."""

    def __init__(self, engine: Engine, monitor: PerformanceMonitor | None, name: str) -> None:
        self._engine = engine
        self._monitor = monitor
        self._name = name
        # Its own attribute on each statement's context, beside those of other instruments.
        self._mark = f"_perfmon_span_{id(self)}"
        self._installed = True
        self._listen()
        self._endings = [
            (TimedMethod.of(engine.dialect, method), self._tracker(ending))
            for method, ending in ENDINGS.items()
        ]
        for method, tracker in self._endings:
            method.add(tracker)

    def remove(self) -> None:
        """Leave the engine as it was before; a second time does nothing."""
        if not self._installed:
            return
        self._installed = False
        from sqlalchemy import event  # noqa: PLC0415 - loaded already, by the engine

        for moment, listener in self._listeners():
            event.remove(self._engine, moment, listener)
        for method, tracker in self._endings:
            method.discard(tracker)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.remove()

    def _listen(self) -> None:
        from sqlalchemy import event  # noqa: PLC0415 - loaded already, by the engine

        for moment, listener in self._listeners():
            event.listen(self._engine, moment, listener)

    def _listeners(self) -> tuple[tuple[str, Callable[..., None]], ...]:
        return (
            ("before_cursor_execute", self._start),
            ("after_cursor_execute", self._succeed),
            ("handle_error", self._fail),
            ("commit", self._expect_ending),
            ("rollback", self._expect_ending),
        )

    def _track(self, kind: str) -> Span:
        return (self._monitor or current_monitor()).track(f"{self._name}.{kind}")

    def _tracker(self, kind: str) -> Callable[[], Span]:
        return lambda: self._track(kind)

    def _start(
        self,
        _connection: Connection,
        _cursor: Any,
        statement: str,
        _parameters: Any,
        context: ExecutionContext,
        _executemany: bool,  # noqa: FBT001 - SQLAlchemy passes its arguments by position
    ) -> None:
        span = self._track(kind_of(statement))
        setattr(context, self._mark, span)
        span.__enter__()

    def _succeed(
        self,
        _connection: Connection,
        _cursor: Any,
        _statement: str,
        _parameters: Any,
        context: ExecutionContext,
        _executemany: bool,  # noqa: FBT001 - SQLAlchemy passes its arguments by position
    ) -> None:
        span = self._span_of(context)
        if span is not None:
            span.__exit__(None, None, None)

    def _fail(self, failure: ExceptionContext) -> None:
        span = self._span_of(failure.execution_context)
        if span is not None:
            error = failure.sqlalchemy_exception or failure.original_exception
            span.__exit__(type(error), error, error.__traceback__)

    def _expect_ending(self, connection: Connection) -> None:
        # A dead connection has nothing to end, and asking for it would try to revive it.
        if not (connection.closed or connection.invalidated):
            info = connection.connection.record_info
            if info is not None:
                info[ENDING] = True

    def _span_of(self, context: ExecutionContext | None) -> Span | None:
        # Taken away, so that what fails after the driver's answer is not counted again.
        return None if context is None else vars(context).pop(self._mark, None)


class TimedMethod:
    """Stands in a dialect for one of its methods, as long as anybody times that."""

    def __init__(self, dialect: Dialect, name: str) -> None:
        self._dialect = dialect
        self._name = name
        self._method: Callable[..., None] = getattr(dialect, name)
        self._shadowed = vars(dialect).get(name)
        self._trackers: tuple[Callable[[], Span], ...] = ()

    @classmethod
    def of(cls, dialect: Dialect, name: str) -> TimedMethod:
        """Give what stands for the method, put there if nobody times it yet."""
        standing = vars(dialect).get(name)
        if not isinstance(standing, TimedMethod):
            standing = cls(dialect, name)
            setattr(dialect, name, standing)
        return standing

    def __call__(self, connection: PoolProxiedConnection) -> None:
        """Do what the dialect's own method does, inside everybody's span."""
        info = connection.record_info
        if info is None or not info.pop(ENDING, False):
            self._method(connection)
            return
        spans = [tracker() for tracker in self._trackers]
        for span in spans:
            span.__enter__()
        try:
            self._method(connection)
        except BaseException as error:
            for span in spans:
                span.__exit__(type(error), error, error.__traceback__)
            raise
        for span in spans:
            span.__exit__(None, None, None)

    def add(self, tracker: Callable[[], Span]) -> None:
        """Have each call of the method timed by a span of the tracker's."""
        self._trackers += (tracker,)

    def discard(self, tracker: Callable[[], Span]) -> None:
        """End that; with nobody left, the dialect has its own method again.

        Where something else has been put in front meanwhile, this one stays, and times nothing.
        """
        self._trackers = tuple(one for one in self._trackers if one is not tracker)
        if self._trackers or vars(self._dialect).get(self._name) is not self:
            return
        if self._shadowed is None:
            delattr(self._dialect, self._name)
        else:
            setattr(self._dialect, self._name, self._shadowed)
