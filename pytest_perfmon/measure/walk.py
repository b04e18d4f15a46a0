"""One generator for both kinds of loop: `for` and `async for`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self


class AsyncWalk:
    """Walks the same generator from `async for`; an async generator would be closed too late.

    Tracers written in Python see one call of `__anext__` without its return for each loop.
    """

    __slots__ = ("_walk",)

    def __init__(self, walk: Iterator[None]) -> None:
        self._walk = walk

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> None:
        try:
            next(self._walk)
        except StopIteration:
            raise StopAsyncIteration from None
