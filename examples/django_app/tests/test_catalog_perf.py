"""What the answers may cost, by the same budgets that the running service is judged by."""

from __future__ import annotations

import pytest

from library.monitoring import BUDGETS, monitor


def within_budget(operation: str) -> pytest.MarkDecorator:
    """Hold the operation's p95 to the budget that production has."""
    return pytest.mark.budget(operation, p95=BUDGETS[operation])


@within_budget("GET /books/")
@within_budget("catalog.search")
@pytest.mark.budget("catalog.search", calls=1)
def test_searching(perf_monitor, client, books):
    """A search is counted twice: as a request, and as the operation behind it."""
    perf_monitor.watch(monitor)
    for _ in perf_monitor.rounds():
        assert client.get("/books/", {"title": "Volume 07"}).status_code == 200


@within_budget("GET /books/<int:number>/")
def test_showing_a_book(perf_monitor, client, books):
    """Whatever the book, the operation is its route."""
    perf_monitor.watch(monitor)
    for _ in perf_monitor.rounds():
        assert client.get(f"/books/{books[500]}/").status_code == 200
