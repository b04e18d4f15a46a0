"""How requests are named as operations: `GET /users/{id}`, for who counts and who reads them."""

from __future__ import annotations

from typing import Final, NamedTuple

METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)

OTHER_METHOD: Final = "_OTHER"
"""Stands for methods that are none, so that nobody makes up operations from outside."""

UNMATCHED: Final = "<unmatched>"
"""Stands for the route where no framework tells which one it was."""

SERVER_ERROR: Final = 500
"""The status from which on a response is a failure."""


class RequestName(NamedTuple):
    """A request's method, and the template of its route; None where that was not known."""

    method: str
    route: str | None


def request_named(operation: str) -> RequestName | None:
    """Read an operation's name as that of a request; None for any other operation."""
    method, _, route = operation.partition(" ")
    if method not in METHODS and method != OTHER_METHOD:
        return None
    if route == UNMATCHED:
        return RequestName(method, None)
    if route.startswith("/") and route.split() == [route]:
        return RequestName(method, route)
    return None
