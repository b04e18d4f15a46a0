"""What the shop's answers may cost.

The limits leave an order of magnitude to spare, so that a slow machine stays green; smaller
changes are what a saved baseline is for.
"""

from __future__ import annotations

import itertools

import pytest

from shop import orders


@pytest.mark.budget(p95="2ms")
def test_search(perf_monitor, db):
    """The page that customers open first: one call, measured under the test's name."""
    found = perf_monitor(orders.search, db, "customer500@example.org")
    assert found


@pytest.mark.budget("first page", p95="2ms")
@pytest.mark.budget("whole history", p95="20ms")
def test_two_ways_to_search(perf_monitor, db):
    """Several operations of one test have names and budgets of their own."""
    perf_monitor.measure("first page", orders.search, db, "customer500@example.org")
    perf_monitor.measure("whole history", orders.search, db, "customer1@example.org", limit=10_000)


@pytest.mark.budget(p95="50ms")
def test_best_sellers(db):
    """No fixture, only the mark: the body itself is what gets repeated and timed."""
    assert len(orders.best_sellers(db, "2025-03")) == 10


@pytest.mark.budget("orders.place", p95="10ms", calls=1)
def test_place(perf_monitor, writable_db):
    """An operation that the application tracks, watched while a loop drives it."""
    customers = itertools.cycle(range(1, 100))
    for _ in perf_monitor.rounds():
        orders.place(writable_db, next(customers), "2026-01-02", {1: 1, 2: 2, 3: 3})


@pytest.mark.budget(p95="30ms")
@pytest.mark.budget("orders.search", p95="5ms", calls=1)
@pytest.mark.budget("orders.detail", p95="5ms", calls=3)
def test_a_visit_over_http(perf_monitor, get):
    """A visitor's four requests; what runs in the server's threads is measured with no plumbing."""
    for _ in perf_monitor.rounds():
        _, found = get("/orders?email=customer500@example.org")
        for order in found[:3]:
            get(f"/orders/{order['id']}")
