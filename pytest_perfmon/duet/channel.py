"""JSON lines between a parent and its child, which calls the parent by a secret."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import time
from typing import Any, Final

from pytest_perfmon.duet.door import Door, knock
from pytest_perfmon.errors import PerfmonError

VARIABLE: Final = "PERFMON_WORKER"
"""The environment variable by which a child finds its parent: the address of a door."""

_CALL_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.2
_MOST_BYTES: Final = 64_000_000


class ChannelClosedError(PerfmonError):
    """The other end is gone, or too late."""


class Channel:
    """One end of a connection; messages are dictionaries, in order, whole or not at all."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._unread = b""

    def send(self, message: dict[str, Any]) -> None:
        """Send one message.

        Raises:
            ChannelClosedError: where the other end is gone.
        """
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise ChannelClosedError(f"the other end is gone: {error}") from None

    def receive(self, deadline: float | None = None) -> dict[str, Any]:
        """Wait for one message, at most until that time of `time.monotonic`.

        Raises:
            ChannelClosedError: where the other end is gone, too late, or talks nonsense.
        """
        while b"\n" not in self._unread:
            if len(self._unread) > _MOST_BYTES:
                raise ChannelClosedError("the other end sent a line without end")
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._connection], [], [], left)[0]:
                raise ChannelClosedError("the time limit was reached")
            try:
                piece = self._connection.recv(1 << 16)
            except OSError as error:
                raise ChannelClosedError(f"the other end is gone: {error}") from None
            if not piece:
                raise ChannelClosedError("the other end has closed the connection")
            self._unread += piece
        line, self._unread = self._unread.split(b"\n", 1)
        try:
            message = json.loads(line)
        except ValueError:
            raise ChannelClosedError("the other end sent a line that is not JSON") from None
        if not isinstance(message, dict):
            raise ChannelClosedError("the other end sent a line that is not a message")
        return message

    def fileno(self) -> int:
        """Let `select` wait for this end."""
        return self._connection.fileno()

    @property
    def has_message(self) -> bool:
        """Whether a message has come in that `receive` gives without waiting."""
        return b"\n" in self._unread

    def close(self) -> None:
        """Close this end; the other end notices."""
        self._connection.close()


def accept(door: Door, child: subprocess.Popen[bytes], deadline: float) -> Channel:
    """Wait at the door for a child to call, at most until that time of `time.monotonic`.

    Raises:
        ChannelClosedError: where the child ended first, or did not call in time.
    """
    while time.monotonic() < deadline:
        connection = door.admit(_POLL_SECONDS)
        if connection is not None:
            return Channel(connection)
        if child.poll() is not None:
            raise ChannelClosedError(f"it ended with exit code {child.returncode}")
    raise ChannelClosedError("the time limit was reached")


def call_parent(address: str) -> Channel:
    """Connect a child to its parent by the value of `PERFMON_WORKER`.

    Raises:
        ChannelClosedError: where nobody listens there.
    """
    try:
        return Channel(knock(address, _CALL_SECONDS))
    except (OSError, ValueError) as error:
        raise ChannelClosedError(f"{VARIABLE} leads to nobody: {error}") from None
