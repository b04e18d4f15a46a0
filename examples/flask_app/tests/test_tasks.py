"""What the service answers; ordinary tests, which no performance option changes."""

from __future__ import annotations

from tasks.budgets import BUDGETS


def test_a_task_is_listed_until_it_is_done(client):
    """What was added is listed, newest first, and is gone when it is done."""
    first = client.post("/tasks/", data={"title": "buy milk"}).json["number"]
    second = client.post("/tasks/", data={"title": "drink it"}).json["number"]
    assert [task["number"] for task in client.get("/tasks/").json] == [second, first]
    assert client.post(f"/tasks/{first}/done").status_code == 204
    assert client.get("/tasks/").json == [{"number": second, "title": "drink it"}]


def test_what_is_not_there_cannot_be_done(client):
    """Only a task can be ended."""
    assert client.post("/tasks/7/done").status_code == 404


def test_a_task_needs_a_title(client):
    """Nothing to do is no task."""
    assert client.post("/tasks/", data={"title": ""}).status_code == 400


def test_the_running_service_judges_itself_by_the_same_budgets(client, perf_token):
    """The token opens the figures, in which the budgets of the tests have their state."""
    client.post("/tasks/", data={"title": "buy milk"})
    assert client.get("/perf/stats.json").status_code == 401
    answer = client.get("/perf/stats.json", headers={"Authorization": f"Bearer {perf_token}"})
    operations = {one["operation"] for one in answer.json["stats"]}
    assert operations == {"POST /tasks/", "sql.insert", "sql.commit"}
    assert operations < BUDGETS.keys()
