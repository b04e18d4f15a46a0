"""What the service answers; ordinary tests, which no performance option changes."""

from __future__ import annotations

import pytest

from links.budgets import BUDGETS

pytestmark = pytest.mark.anyio
TARGET = "https://example.org/a/long/way"


async def test_a_link_leads_to_its_target_and_counts_visits(client):
    """A visitor is led on, and the visit is counted."""
    code = (await client.post("/links", json={"target": TARGET})).json()["code"]
    for _ in range(3):
        assert (await client.get(f"/links/{code}")).headers["location"] == TARGET
    assert (await client.get(f"/links/{code}/visits")).json() == {"visits": 3}


async def test_an_unknown_link_is_not_found(client):
    """A code that nobody was given leads nowhere."""
    assert (await client.get("/links/nothing")).status_code == 404
    assert (await client.get("/links/nothing/visits")).status_code == 404


async def test_an_address_must_be_one(client):
    """What is no address is refused with the reason."""
    assert (await client.post("/links", json={"target": "nowhere"})).status_code == 422


async def test_the_running_service_judges_itself_by_the_same_budgets(client, perf_token):
    """The token opens the figures, in which the budgets of the tests have their state."""
    await client.get("/links/nothing")
    assert (await client.get("/perf/stats.json")).status_code == 401
    answer = await client.get("/perf/stats.json", headers={"Authorization": f"Bearer {perf_token}"})
    operations = {one["operation"] for one in answer.json()["stats"]}
    assert operations == {"GET /links/{code}", "sql.update", "sql.commit"}
    assert operations < BUDGETS.keys()
