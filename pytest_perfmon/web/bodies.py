"""Requests that last until the body of their response is closed, and bodies that tell when."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sized
from typing import Any, Final, Self, cast

from pytest_perfmon.monitor.ambient import current_monitor
from pytest_perfmon.monitor.outcome import error_type_of, is_cancellation
from pytest_perfmon.monitor.requests import SERVER_ERROR
from pytest_perfmon.web.counting import DISCONNECTED, Hook, RequestCounter

_BODILESS: Final = (204, 304)


class TimedRequest:
    """One request and its response, timed from here to `end()`.

    Args:
        counter: counts it.
        request: what the template is read from.
        method: of the request.
        read_template: gives the route's template, asked at the end.
        read_error: gives the exception that became a server error, None where nobody knows.
    """

    __slots__ = (
        "_clock_ns",
        "_counter",
        "_ended",
        "_read_error",
        "_start_ns",
        "first_byte_ns",
        "method",
        "monitor",
        "read_template",
        "request",
        "status",
    )

    def __init__(
        self,
        counter: RequestCounter,
        request: Any,
        method: str,
        read_template: Hook,
        read_error: Callable[[], BaseException | None],
    ) -> None:
        self._counter = counter
        self.request = request
        self.method = method
        self.read_template = read_template
        self._read_error = read_error
        self._ended = False
        self.first_byte_ns: int | None = None
        self.status = 0
        self.monitor = counter.monitor or current_monitor()
        self._clock_ns = self.monitor.clock_ns
        self._start_ns = self._clock_ns()

    def note_first_byte(self) -> None:
        """Note that the server is handed content of the body; only the first time counts."""
        if self._counter.first_byte and self.first_byte_ns is None:
            self.first_byte_ns = self._clock_ns() - self._start_ns

    def end(self, error: BaseException | None = None, *, complete: bool = True) -> None:
        """Count the request, the first time; one whose body is not complete as cancelled."""
        if self._ended:
            return
        self._ended = True
        elapsed_ns = self._clock_ns() - self._start_ns
        if self._counter.first_byte and self.first_byte_ns is None and error is None and complete:
            self.first_byte_ns = elapsed_ns
        if error is None and self.status >= SERVER_ERROR:
            error = self._read_error()
        cancelled = is_cancellation(error) if error is not None else not complete
        error_type = error_type_of(error) if error is not None else None
        if cancelled and error is None:
            error_type = DISCONNECTED
        self._counter.count(self, elapsed_ns, error_type, cancelled=cancelled)

    def end_body(self, *, exhausted: bool) -> None:
        """Count the request as its body is closed; one that has no body is complete without."""
        self.end(complete=exhausted or self.method == "HEAD" or self.status in _BODILESS)


class Body:
    """A body's pieces, passed on as they come; the request ends with `close()` or an error."""

    __slots__ = ("_body", "_exhausted", "_pieces", "_timed")

    def __init__(self, body: Iterable[bytes], timed: TimedRequest) -> None:
        self._body = body
        self._timed = timed
        self._pieces: Iterator[bytes] | None = None
        self._exhausted = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        try:
            if self._pieces is None:
                self._pieces = iter(self._body)
            piece = next(self._pieces)
        except StopIteration:
            self._exhausted = True
            raise
        except BaseException as error:
            self._timed.end(error)
            raise
        if piece:
            self._timed.note_first_byte()
        return piece

    def close(self) -> None:
        """Close the body that is passed on, where that can be closed, and count the request."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            self._timed.end(error)
            raise
        self._timed.end_body(exhausted=self._exhausted)


class SizedBody(Body):
    """A body whose number of pieces is known, from which servers tell the content's length."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(cast("Sized", self._body))


class AsyncBody:
    """As `Body`, for pieces that come asynchronously."""

    __slots__ = ("_exhausted", "_pieces", "_timed")

    def __init__(self, pieces: AsyncIterator[bytes], timed: TimedRequest) -> None:
        self._pieces = pieces
        self._timed = timed
        self._exhausted = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await anext(self._pieces)
        except StopAsyncIteration:
            self._exhausted = True
            raise
        except BaseException as error:
            self._timed.end(error)
            raise
        if piece:
            self._timed.note_first_byte()
        return piece

    def close(self) -> None:
        """Count the request."""
        self._timed.end_body(exhausted=self._exhausted)


def end_with_close(closable: Any, timed: TimedRequest) -> None:
    """Have the request end where somebody closes the object, which stays what it is.

    An object whose `close` cannot be replaced ends it here. Its first byte is handed over now.
    """
    timed.note_first_byte()
    close = getattr(closable, "close", None)

    def timed_close() -> None:
        try:
            if close is not None:
                close()
        finally:
            timed.end()

    try:
        closable.close = timed_close
    except AttributeError:
        timed.end()
