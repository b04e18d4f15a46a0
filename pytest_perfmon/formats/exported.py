"""What writing a run in another format gives."""

from __future__ import annotations

from typing import NamedTuple


class Exported(NamedTuple):
    """A run in another format.

    Attributes:
        text: of the file.
        left_out: a line for each operation that could not be written, with the reason.
    """

    text: str
    left_out: tuple[str, ...] = ()
