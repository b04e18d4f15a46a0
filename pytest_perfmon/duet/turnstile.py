"""Lets two workers run in turn: they meet at a test's operation, then pass one token to and fro.

Positions count (test, operation in the test), so a side that skips something is noticed by the
other, which goes on alone to the next position that both have. Nothing here knows what is timed.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from pytest_perfmon.duet.door import Door, knock
from pytest_perfmon.errors import PerfmonError

_TOKEN: Final = b"."
_BROKEN: Final = b"!"
_AT: Final = b"@"
_PACED: Final = b"#"
_POSITION: Final = struct.Struct(">iii")
_PACE: Final = struct.Struct(">qiii")
_END: Final = 2**31 - 1


class TurnstileError(PerfmonError):
    """The other side failed, is gone, or did not come in time."""


def wait_at(door: Door, patience: float) -> socket.socket:
    """Wait for slot 1, as slot 0 does.

    Raises:
        TurnstileError: it did not come within so many seconds.
    """
    connection = door.admit(patience)
    if connection is None:
        raise TurnstileError(f"the other side did not come within {patience:g} s")
    return connection


def go_to(address: str, patience: float) -> socket.socket:
    """Go where slot 0 waits.

    Raises:
        TurnstileError: nobody is there.
    """
    try:
        return knock(address, patience)
    except (OSError, ValueError) as error:
        raise TurnstileError(f"the other side is not there: {error}") from None


class Arrival(NamedTuple):
    """Where a side stands: its test, the operation in it, and whether it may be pinned."""

    test: int
    operation: int
    alone_in_process: int


class Turnstile:
    """One side's end.

    Args:
        connection: to the other side.
        slot: 0 or 1.
        patience: the longest wait for the other side, seconds.

    Attributes:
        given_up: whether the other side is gone or was too late: nothing more will come of it.
    """

    def __init__(self, connection: socket.socket, slot: int, patience: float) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self.slot = slot
        self._patience = patience
        self._other: Arrival | None = None
        self.given_up = False

    def meet(self, test: int, operation: int, *, pinnable: bool) -> Arrival | None:
        """Wait at a position; None says that the other side has passed it or will never come.

        Raises:
            TurnstileError: the other side is gone or late.
        """
        self._send(_AT + _POSITION.pack(test, operation, pinnable))
        while self._other is None or self._other[:2] < (test, operation):
            self._other = self._next_arrival()
        if self._other[:2] > (test, operation):
            return None
        met, self._other = self._other, None
        return met

    def leave(self) -> None:
        """Say that this side has no positions left."""
        try:
            self._send(_AT + _POSITION.pack(_END, 0, 0))
        except TurnstileError:
            return

    def tell_pace(self, warmup_calls: int, calls: int, couplets: int, kind: int) -> None:
        """Tell the other side how many calls were made to warm up, and the pace that was found."""
        self._send(_PACED + _PACE.pack(warmup_calls, calls, couplets, kind))

    def hear_pace(self) -> tuple[int, int, int, int]:
        """Hear what the other side tells.

        Raises:
            TurnstileError: it failed instead, is gone, or late.
        """
        if self._receive(1) != _PACED:
            raise TurnstileError("the other side failed there")
        warmup_calls, calls, couplets, kind = _PACE.unpack(self._receive(_PACE.size))
        return warmup_calls, calls, couplets, kind

    def turns(self, slots: Sequence[int]) -> Iterator[None]:
        """Yield once for each turn that is this side's; between them the other side runs.

        Raises:
            TurnstileError: the other side failed in its turn, is gone, or late.
        """
        for position, slot in enumerate(slots):
            if slot != self.slot:
                continue
            if position and slots[position - 1] != self.slot:
                self._expect_token()
            yield
            if position + 1 < len(slots) and slots[position + 1] != self.slot:
                self._send(_TOKEN)
        # Both leave together, so that nothing of one side runs beside the other's last slice.
        self._send(_TOKEN)
        self._expect_token()

    def close(self) -> None:
        """Close this end; a fork of this process does, so that the other side meets one of it."""
        self._connection.close()

    def break_off(self) -> None:
        """Tell the other side, which waits for a token, that there will be none."""
        try:
            self._send(_BROKEN)
        except TurnstileError:
            return

    def _expect_token(self) -> None:
        if self._receive(1) != _TOKEN:
            raise TurnstileError("the other side failed there")

    def _next_arrival(self) -> Arrival:
        # Tokens of a measurement that this side broke off may still be on their way.
        while (mark := self._receive(1)) != _AT:
            if mark not in (_TOKEN, _BROKEN):
                raise TurnstileError("the other side talks nonsense")
        return Arrival(*_POSITION.unpack(self._receive(_POSITION.size)))

    def _send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError as error:
            self.given_up = True
            raise TurnstileError(f"the other side is gone: {error}") from None

    def _receive(self, size: int) -> bytes:
        data = b""
        deadline = time.monotonic() + self._patience
        while len(data) < size:
            left = deadline - time.monotonic()
            try:
                if left <= 0 or not select.select([self._connection], [], [], left)[0]:
                    self.given_up = True
                    raise TurnstileError(f"the other side was not done within {self._patience:g} s")
                piece = self._connection.recv(size - len(data))
            except (OSError, ValueError):  # ValueError: this end was closed
                piece = b""
            if not piece:
                self.given_up = True
                raise TurnstileError("the other side is gone")
            data += piece
        return data
