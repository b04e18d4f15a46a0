"""The queue of points: bounded, exact in what it drops, and never in anybody's way."""

from __future__ import annotations

import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.exporters.outbox import Outbox


@given(limit=st.integers(1, 5), points=st.lists(st.integers(), max_size=20))
def test_the_newest_are_kept_in_order(limit, points):
    """However many are put, the newest `limit` remain, oldest first; the others are counted."""
    outbox = Outbox(limit)
    for point in points:
        outbox.put(point)
    assert len(outbox) == min(limit, len(points))
    assert outbox.dropped == max(0, len(points) - limit)
    assert outbox.take(len(points)) == points[-limit:]
    assert outbox.take(1) == []


def test_every_point_is_taken_or_counted_as_dropped_whatever_threads_do():
    """Eight threads put while one takes: taken, dropped and left add up to what was put."""
    outbox, taken = Outbox(50), []
    threads = [
        threading.Thread(target=lambda: [outbox.put(number) for number in range(2000)])
        for _ in range(8)
    ]
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            taken += outbox.take(7)
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switching)
    left = outbox.take(10**6)
    assert len(taken) + len(left) + outbox.dropped == 8 * 2000


def test_whoever_interrupts_a_trim_puts_and_goes_on():
    """A signal handler that puts while a point is being dropped neither waits nor is lost."""
    outbox = Outbox(2)
    with outbox._trimming:  # where the handler would find it
        outbox.put(1)
        outbox.put(2)
        outbox.put(3)
    outbox.put(4)
    assert outbox.take(9) == [3, 4]
    assert outbox.dropped == 2


@pytest.mark.parametrize("count", [1, 2, 5])
def test_no_more_is_taken_than_asked_for(count):
    """`take` leaves the rest."""
    outbox = Outbox(10)
    for number in range(5):
        outbox.put(number)
    assert outbox.take(count) == [*range(count)]
    assert len(outbox) == 5 - count
