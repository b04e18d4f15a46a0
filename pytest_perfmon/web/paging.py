"""Which part of the operations a request asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar
from urllib.parse import parse_qs

T = TypeVar("T")

MOST_A_PAGE: Final = 200
USUAL_A_PAGE: Final = 100
FURTHEST: Final = 1_000_000
_MOST_FIELDS: Final = 16
_LONGEST_QUERY: Final = 1000
_NUMBER: Final = re.compile(r"[0-9]{1,7}")

BOUNDS: Final = (
    f"expected limit as one number from 1 to {MOST_A_PAGE}"
    f" and offset as one number from 0 to {FURTHEST}"
)


class Page(NamedTuple):
    """A window on the operations: `limit` of them from number `offset` on."""

    limit: int
    offset: int

    def of(self, things: Sequence[T]) -> Sequence[T]:
        """Cut the window out; empty beyond the end."""
        return things[self.offset : self.offset + self.limit]

    def before(self) -> Page | None:
        """Give the page before this one; None on the first."""
        if not self.offset:
            return None
        return Page(self.limit, max(0, self.offset - self.limit))

    def after(self, total: int) -> Page | None:
        """Give the page after this one; None on the last."""
        end = self.offset + self.limit
        return Page(self.limit, end) if end < total else None


def parse_page(query: bytes) -> Page | None:
    """Read `limit` and `offset` of a query; None where they are not what `BOUNDS` says.

    Other fields are ignored.
    """
    if len(query) > _LONGEST_QUERY:
        return None
    try:
        fields = parse_qs(
            query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:  # more fields than that
        return None
    limit = _number(fields.get("limit", [str(USUAL_A_PAGE)]), 1, MOST_A_PAGE)
    offset = _number(fields.get("offset", ["0"]), 0, FURTHEST)
    return None if limit is None or offset is None else Page(limit, offset)


def _number(values: Sequence[str], lowest: int, highest: int) -> int | None:
    if len(values) != 1 or not _NUMBER.fullmatch(values[0]):
        return None
    number = int(values[0])
    return number if lowest <= number <= highest else None
