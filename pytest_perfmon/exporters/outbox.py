"""A bounded queue that anybody may put into without ever waiting; the oldest make room."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """Points on their way out, at most `limit` of them, oldest first.

    Putting is an atomic append. What is too much is taken off under a lock that is only tried, so
    a signal handler or another thread that comes in meanwhile puts its point and goes on.
    """

    __slots__ = ("_limit", "_points", "_trimming", "dropped")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._points: deque[T] = deque()
        self._trimming = threading.Lock()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._points)

    def put(self, point: T) -> None:
        """Append the point; where the queue is full, the oldest one is dropped and counted."""
        self._points.append(point)
        if len(self._points) > self._limit and self._trimming.acquire(blocking=False):
            try:
                while len(self._points) > self._limit and self.take(1):
                    self.dropped += 1
            finally:
                self._trimming.release()

    def take(self, count: int) -> list[T]:
        """Remove and give the oldest points, at most so many."""
        taken: list[T] = []
        while len(taken) < count:
            try:
                taken.append(self._points.popleft())
            except IndexError:
                break
        return taken
