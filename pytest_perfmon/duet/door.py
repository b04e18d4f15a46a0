"""Where one process waits for another on the loopback, and lets in only who knows the secret."""

from __future__ import annotations

import hmac
import secrets
import socket
import time
from typing import Final

_LOOPBACK: Final = "127.0.0.1"
_SECRET_BYTES: Final = 32
_HELLO_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 0.05


class Door:
    """A port with a secret; strangers are turned away.

    Attributes:
        address: what the other process has to know, `port:secret`.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server((_LOOPBACK, 0))
        self._secret = secrets.token_hex(_SECRET_BYTES // 2)
        self.address = f"{self._socket.getsockname()[1]}:{self._secret}"

    def admit(self, seconds: float) -> socket.socket | None:
        """Wait for who knows the secret; None says that nobody came within so many seconds.

        Whoever comes has two seconds more to say it.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                connection = self._socket.accept()[0]
            except TimeoutError:
                break
            except OSError:  # no file descriptor left, say: somebody may give one back
                time.sleep(min(left, _PAUSE_SECONDS))
                continue
            connection.settimeout(_HELLO_SECONDS)
            try:
                said = connection.recv(_SECRET_BYTES, socket.MSG_WAITALL)
            except OSError:
                said = b""
            if hmac.compare_digest(said, self._secret.encode()):
                connection.settimeout(None)
                return connection
            connection.close()
        return None

    def close(self) -> None:
        """Let nobody in any longer."""
        self._socket.close()


def knock(address: str, seconds: float) -> socket.socket:
    """Go to a door, and be let in.

    Raises:
        OSError: nobody is there within so many seconds.
        ValueError: that is no address.
    """
    port, _, secret = address.partition(":")
    connection = socket.create_connection((_LOOPBACK, int(port)), seconds)
    try:
        connection.sendall(secret.encode())
    except OSError:
        connection.close()
        raise
    connection.settimeout(None)  # the other process may be measuring, and read later
    return connection
