"""What the answers may cost, by the same budgets that the running service is judged by."""

from __future__ import annotations

import pytest

from tasks.budgets import BUDGETS


def within_budget(operation: str) -> pytest.MarkDecorator:
    """Hold the operation's p95 to the budget that production has."""
    return pytest.mark.budget(operation, p95=BUDGETS[operation])


@within_budget("POST /tasks/")
@within_budget("sql.insert")
@within_budget("sql.commit")
@pytest.mark.budget("sql.insert", calls=1)
def test_adding_a_task(perf_monitor, app, client):
    """Requests are counted around Flask, statements and commits by the instrument."""
    perf_monitor.watch(app.extensions["perfmon"])
    for _ in perf_monitor.rounds():
        client.post("/tasks/", data={"title": "buy milk"})


@within_budget("GET /tasks/")
@within_budget("sql.select")
@pytest.mark.budget("sql.select", calls=1)
def test_listing_tasks(perf_monitor, app, client):
    """A page of tasks is one query, however many there are."""
    for number in range(100):
        client.post("/tasks/", data={"title": f"task {number}"})
    perf_monitor.watch(app.extensions["perfmon"])
    for _ in perf_monitor.rounds():
        assert len(client.get("/tasks/").json) == 50
