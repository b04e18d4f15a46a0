"""Who may see the figures: those who hold the token."""

from __future__ import annotations

import base64
import binascii
import hmac
import itertools
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.core import LOGGER
from pytest_perfmon.units import NS_PER_MINUTE

SHORTEST_TOKEN: Final = 32
REFUSALS_TOLD_EVERY_NS: Final = NS_PER_MINUTE
_ADVICE: Final = (
    f"expected at least {SHORTEST_TOKEN} printable ASCII characters without spaces,"
    " such as secrets.token_urlsafe(32) gives, kept outside of the code"
)


class TokenCheck:
    """Compares the token of a request with the one that is asked for.

    A token comes as `Authorization: Bearer TOKEN`, or, since a browser cannot be told to send
    that, as the password of HTTP Basic authentication with any user name.

    What is compared, by `hmac.compare_digest`, are two keyed hashes of equal length. The key is
    new in every process, so how long a comparison takes says nothing about the token: neither its
    length nor how much of it was guessed.

    Raises:
        UsageError: for a token that is too short or cannot stand in a header.
    """

    __slots__ = ("_digest", "_key")

    def __init__(self, token: object) -> None:
        if not isinstance(token, str):
            given = "None" if token is None else f"of type {type(token).__name__}"
            raise UsageError(f"token is {given}: {_ADVICE}")
        if len(token) < SHORTEST_TOKEN:
            raise UsageError(f"token is {len(token)} characters long: {_ADVICE}")
        if not all("!" <= character <= "~" for character in token):
            raise UsageError(f"token has characters that a header cannot carry: {_ADVICE}")
        self._key = secrets.token_bytes(32)
        self._digest = self._hashed(token.encode("ascii"))

    def admits(self, authorization: Sequence[bytes]) -> bool:
        """Say whether the `Authorization` headers carry the token; two headers never do."""
        offered = _credential(authorization[0]) if len(authorization) == 1 else b""
        return hmac.compare_digest(self._hashed(offered), self._digest)

    def _hashed(self, token: bytes) -> bytes:
        return hmac.digest(self._key, token, "sha256")


class Refusals:
    """Says in the log that somebody is guessing, at most once a minute, with the number so far.

    A request without any credential is no guess: every browser begins with one.
    """

    __slots__ = ("_clock_ns", "_due_ns", "_numbers")

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._numbers = itertools.count(1)  # counts right from any thread
        self._due_ns = clock_ns()

    def note(self, authorization: Sequence[bytes]) -> None:
        """Count a refused request by its `Authorization` headers."""
        if not authorization:
            return
        number, now_ns = next(self._numbers), self._clock_ns()
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + REFUSALS_TOLD_EVERY_NS
            LOGGER.warning("the stats endpoint has refused %d wrong tokens so far", number)


def _credential(header: bytes) -> bytes:
    """Give the token that a header offers; empty, as no token is, where it offers none."""
    scheme, _, rest = header.partition(b" ")
    if scheme.lower() == b"bearer":
        return rest.strip(b" ")
    if scheme.lower() == b"basic":
        try:
            pair = base64.b64decode(rest.strip(b" "), validate=True)
        except binascii.Error:
            return b""
        return pair.partition(b":")[2]
    return b""
