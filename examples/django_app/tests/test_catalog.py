"""What the library answers; ordinary tests, which no performance option changes."""

from __future__ import annotations

import json
from wsgiref.util import setup_testing_defaults

from library.monitoring import BUDGETS, monitor


def test_a_search_finds_titles_by_their_beginning(client, books):
    """Books come in the order of their titles, a page at most."""
    found = client.get("/books/", {"title": "Volume 07"}).json()["books"]
    assert [book["title"] for book in found] == [
        f"Volume {number:04}" for number in range(700, 720)
    ]


def test_a_book_is_shown_by_its_number(client, books):
    """Each book has a page of its own; other numbers have none."""
    assert client.get(f"/books/{books[5]}/").json()["title"] == "Volume 0005"
    assert client.get(f"/books/{books[-1] + 1}/").status_code == 404


def test_the_running_service_judges_itself_by_the_same_budgets(client, books, perf_token):
    """The token opens the figures, in which the budgets of the tests have their state."""
    from library.wsgi import application  # noqa: PLC0415 - sets up Django as a server would

    def ask(**headers):
        status = []
        environ = {"PATH_INFO": "/perf/stats.json", **headers}
        setup_testing_defaults(environ)
        body = b"".join(application(environ, lambda line, _: status.append(line[:3])))
        return status[0], body

    monitor.reset()
    client.get("/books/", {"title": "Volume"})
    assert ask()[0] == "401"
    status, body = ask(HTTP_AUTHORIZATION=f"Bearer {perf_token}")
    operations = {one["operation"] for one in json.loads(body)["stats"]}
    assert (status, operations) == ("200", {"GET /books/", "catalog.search"})
    assert operations < BUDGETS.keys()
