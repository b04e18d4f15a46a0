"""JSON lines over a loopback socket, opened with a secret that only our own child knows."""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import select
import socket
import subprocess
import time
from typing import Any, Final

from pytest_perfmon.errors import PerfmonError

VARIABLE: Final = "PERFMON_WORKER"
"""The environment variable by which a child finds its parent: `port:secret`."""

_LOOPBACK: Final = "127.0.0.1"
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


class Listener:
    """The parent's end before the child has called: a port and a secret.

    Attributes:
        address: what the child needs to know, the value of the variable `PERFMON_WORKER`.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server((_LOOPBACK, 0))
        self._secret = secrets.token_hex(16)
        self.address = f"{self._socket.getsockname()[1]}:{self._secret}"

    def accept(self, child: subprocess.Popen[bytes], deadline: float) -> Channel:
        """Wait for the child to call; strangers are turned away.

        Raises:
            ChannelClosedError: where the child ended first, or did not call in time.
        """
        while time.monotonic() < deadline:
            if select.select([self._socket], [], [], _POLL_SECONDS)[0]:
                channel = Channel(self._socket.accept()[0])
                with contextlib.suppress(ChannelClosedError):
                    hello = channel.receive(time.monotonic() + _POLL_SECONDS * 10)
                    if hmac.compare_digest(
                        str(hello.get("secret")).encode(), self._secret.encode()
                    ):
                        return channel
                channel.close()
            elif child.poll() is not None:
                raise ChannelClosedError(f"it ended with exit code {child.returncode}")
        raise ChannelClosedError("the time limit was reached")

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def call_parent(address: str) -> Channel:
    """Connect a child to its parent by the value of `PERFMON_WORKER`.

    Raises:
        ChannelClosedError: where nobody listens there.
    """
    port, _, secret = address.partition(":")
    try:
        connection = socket.create_connection((_LOOPBACK, int(port)), timeout=10)
    except (OSError, ValueError) as error:
        raise ChannelClosedError(f"{VARIABLE} leads to nobody: {error}") from None
    connection.settimeout(None)  # a parent that is measuring reads later
    channel = Channel(connection)
    channel.send({"secret": secret})
    return channel
