"""Make texts fit for the wire."""

from __future__ import annotations


def encodable(text: str) -> str:
    """Write what UTF-8 cannot hold (lone surrogates) as escapes, and leave all else as it is.

    One such name would keep all others from being sent.
    """
    return text.encode(errors="backslashreplace").decode()
