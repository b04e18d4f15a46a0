"""Addresses of backends as logs and errors may show them."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def without_secrets(url: str) -> str:
    """Leave out what may let somebody in: a name and password before the host, and the query."""
    parts = urlsplit(url if "://" in url else f"//{url}")
    shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return shown if "://" in url else shown.removeprefix("//")
