"""One HTTP request and its answer as plain values, whichever server interface they came by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

Headers = tuple[tuple[str, str], ...]

HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# On every answer, refusals included: nothing is stored, framed, guessed at or told elsewhere.
_ALWAYS: Final[Headers] = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", _POLICY),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What the stats endpoint looks at in a request; nothing else can influence its answer.

    Attributes:
        method: as sent, in capitals where the client follows the standard.
        path: decoded, below the place where the application is mounted: `/stats.json`, or empty
            where exactly that place was asked for, without a slash.
        prefix: the place where it is mounted, such as `/perf`; empty at the root.
        query: what follows the question mark, still encoded.
        authorization: the values of all `Authorization` headers.
    """

    method: str
    path: str
    prefix: str
    query: bytes
    authorization: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Attributes:
        status: the HTTP status code.
        content_type: of the body.
        body: the whole of it.
        extra: headers beyond those that every answer has.
    """

    status: HTTPStatus
    content_type: str
    body: bytes
    extra: Headers = ()

    @property
    def headers(self) -> Headers:
        """All headers, those that protect the page included."""
        return (
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            *_ALWAYS,
            *self.extra,
        )


def refusal(status: HTTPStatus, reason: str, *extra: tuple[str, str]) -> Response:
    """Answer with a status and one fixed sentence, which repeats nothing of the request."""
    return Response(status, TEXT, f"{reason}\n".encode(), extra)
