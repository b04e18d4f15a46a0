"""What the answers may cost, by the same budgets that the running service is judged by."""

from __future__ import annotations

import pytest

from links.budgets import BUDGETS

pytestmark = pytest.mark.anyio
TARGET = "https://example.org/a/long/way"


def within_budget(operation: str) -> pytest.MarkDecorator:
    """Hold the operation's p95 to the budget that production has."""
    return pytest.mark.budget(operation, p95=BUDGETS[operation])


@within_budget("POST /links")
@within_budget("sql.commit")
async def test_adding_a_link(perf_monitor, app, client):
    """Requests are counted by the middleware, commits by the instrument on the engine."""
    perf_monitor.watch(app.state.monitor)
    async for _ in perf_monitor.rounds():
        await client.post("/links", json={"target": TARGET})


@within_budget("GET /links/{code}")
@within_budget("sql.update")
@pytest.mark.budget("sql.update", calls=1)
async def test_following_a_link(perf_monitor, app, client):
    """A visit is one statement, however fast the machine is."""
    code = (await client.post("/links", json={"target": TARGET})).json()["code"]
    perf_monitor.watch(app.state.monitor)
    async for _ in perf_monitor.rounds():
        await client.get(f"/links/{code}")


@within_budget("sql.select")
@pytest.mark.budget("sql.select", calls=1)
async def test_asking_for_visits(perf_monitor, app, client):
    """The number of visits is one query away."""
    code = (await client.post("/links", json={"target": TARGET})).json()["code"]
    perf_monitor.watch(app.state.monitor)
    async for _ in perf_monitor.rounds():
        await client.get(f"/links/{code}/visits")
