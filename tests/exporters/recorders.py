"""Backends and sources of every temper, for tests of what stands between them."""

from __future__ import annotations

import threading
from queue import Queue


class Keeper:
    """A backend that keeps what it is given; `fails` says how many sends fail from now on."""

    def __init__(self, fails=0):
        self.fails = fails
        self.batches = []
        self.tries = []
        self.arrived = Queue()

    def __repr__(self):
        return "Keeper"

    @property
    def points(self):
        """All delivered points in order."""
        return [point for batch in self.batches for point in batch]

    def send(self, batch):
        """Keep the batch, or fail."""
        self.tries.append(batch)
        if self.fails:
            self.fails -= 1
            raise ConnectionError("nobody there")
        self.batches.append(batch)
        self.arrived.put(batch)


class Hanging(Keeper):
    """A backend whose `send` does not come back until it is released."""

    def __init__(self):
        super().__init__()
        self.entered = threading.Event()
        self.released = threading.Event()

    def send(self, batch):
        """Hang, then keep the batch."""
        self.entered.set()
        self.released.wait(30)
        super().send(batch)


class Numbers:
    """A source that gives the numbers put into `ready`, once."""

    def __init__(self, *ready):
        self.ready = list(ready)
        self.closed = 0

    def take(self):
        """Give what is ready."""
        given, self.ready = self.ready, []
        return given

    def start_in_child(self):
        """Forget what is ready."""
        self.ready = []

    def close(self):
        """Count how often it was closed."""
        self.closed += 1
