"""`StatsApp` by both of its interfaces: what it answers, where it may be mounted, who gets in."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from stats_servers import TOKEN, Answer, request, serving_here
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.testing import FakeClock
from pytest_perfmon.web import StatsApp

BEARER = f"Bearer {TOKEN}"
DEADLINE_S = 20


@pytest.fixture
def clock():
    """The clock of the views."""
    return FakeClock()


@pytest.fixture
def monitor():
    """A monitor that has counted a few calls."""
    counted = PerformanceMonitor(slow_threshold=1000)
    for duration in (10, 20, 30, 40):
        counted.record_metric("db.select", duration, metadata={"table": "users"})
    counted.record_metric("report", 1200, success=False, metadata={"user": "ada"})
    return counted


@pytest.fixture
def stats(monitor, clock):
    """The application under test."""
    budgets = {"db.select": 20, "report": "2s", "never": "5ms"}
    return StatsApp(
        monitor, token=TOKEN, budgets=budgets, metrics=metrics_text, clock_ns=clock.now_ns
    )


def metrics_text(monitor):
    """Stand for an exporter."""
    return f"operations {len(monitor.get_stats())}\n"


def ask_wsgi(app, path="/stats.json", *, method="GET", query="", authorization=BEARER, prefix=""):
    """Ask by WSGI, as a strict server would."""
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
    environ["SCRIPT_NAME"] = prefix
    setup_testing_defaults(environ)
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization
    started = []
    answer = validator(app.wsgi)(environ, lambda status, headers: started.append((status, headers)))
    body = b"".join(answer)
    answer.close()
    ((status, headers),) = started
    head = "\n".join(f"{name.lower()}: {value}" for name, value in headers)
    return Answer(int(status.split()[0]), head, body)


def ask_asgi(app, path="/stats.json", *, method="GET", query="", authorization=BEARER, prefix=""):
    """Ask by ASGI."""
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    scope = {"type": "http", "method": method, "path": prefix + path, "root_path": prefix}
    scope |= {"query_string": query.encode(), "headers": headers}
    (start, body) = asyncio.run(converse(app, scope, []))
    head = "\n".join(f"{name.decode()}: {value.decode()}" for name, value in start["headers"])
    return Answer(start["status"], head, body["body"])


async def converse(app, scope, messages):
    """Run an ASGI application on these messages; gives what it sent."""
    waiting, sent = iter(messages), []

    async def receive():
        return next(waiting)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


@pytest.fixture(params=[ask_wsgi, ask_asgi], ids=["wsgi", "asgi"])
def ask(request):
    """One of the two ways to ask."""
    return request.param


class TestTheDocument:
    """`/stats.json`."""

    def test_it_is_the_patterns_document(self, stats, ask):
        """Status, timestamp, stats and summary are there, in milliseconds and shares."""
        document = json.loads(ask(stats).body)
        assert document["status"] == "over_budget"
        assert document["timestamp"] > 1_700_000_000_000
        assert document["summary"] == {
            "total_requests": 5,
            "error_rate": 0.2,
            "avg_duration": 260.0,
            "slowest_operation": "report",
        }
        report, select = document["stats"]
        assert report["operation"] == "report"
        assert select == {
            "operation": "db.select",
            "count": 4,
            "success_count": 4,
            "error_count": 0,
            "cancelled_count": 0,
            "success_rate": 1.0,
            "avg": 25.0,
            "min": 10.0,
            "max": 40.0,
            "p50": 25.0,
            "p95": 38.5,
            "p99": 39.7,
            "responses": {},
        }

    def test_requests_have_their_responses(self, stats, monitor, ask):
        """An operation that is a request says how many were answered by which class of status."""
        for status in (200, 201, 404, 503):
            monitor.record("GET /x", 10**10, status=status, error_type="503" * (status > 500))
        document = json.loads(ask(stats, query="limit=1").body)
        assert document["stats"][0]["responses"] == {"2xx": 2, "4xx": 1, "5xx": 1}

    def test_budgets_have_their_state(self, stats, ask):
        """A budget is exceeded by so much, kept, or about something never called."""
        document = json.loads(ask(stats).body)
        assert document["budgets"] == [
            {"operation": "db.select", "budget": 20.0, "p95": 38.5, "state": "warning"},
            {"operation": "report", "budget": 2000.0, "p95": 1200.0, "state": "within"},
            {"operation": "never", "budget": 5.0, "p95": None, "state": "never called"},
        ]

    def test_slow_calls_have_no_details(self, stats, ask):
        """Name, duration, threshold and time of a slow call; not its metadata, not its error."""
        (slow,) = json.loads(ask(stats).body)["slow_calls"]
        assert slow.pop("timestamp") > 1_700_000_000_000
        assert slow == {"operation": "report", "duration": 1200.0, "slowness": "slow"}

    def test_an_empty_monitor_is_well(self, ask):
        """Nothing counted is zero everywhere, and status ok."""
        document = json.loads(ask(StatsApp(PerformanceMonitor(), token=TOKEN)).body)
        assert document["status"] == "ok"
        assert document["stats"] == []
        assert document["summary"]["slowest_operation"] is None

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("limit=1", ["report"]),
            ("limit=1&offset=1", ["db.select"]),
            ("offset=2", []),
            ("offset=1000000", []),
            ("unknown=1", ["report", "db.select"]),
        ],
    )
    def test_a_page_is_a_window_on_the_busiest(self, stats, ask, query, names):
        """`limit` and `offset` choose among the operations by the time that they took."""
        document = json.loads(ask(stats, query=query).body)
        assert [one["operation"] for one in document["stats"]] == names
        assert document["page"]["operations"] == 2

    def test_figures_are_renewed_after_a_second(self, stats, ask, monitor, clock):
        """Asked again within a second the figures are the same, after it they are new."""
        monitor.reset("report")
        first = json.loads(ask(stats).body)
        monitor.record_metric("db.select", 50)
        clock.advance("999ms")
        assert json.loads(ask(stats).body) == first
        clock.advance("1ms")
        assert json.loads(ask(stats).body)["stats"][0]["count"] == 5

    def test_what_takes_long_is_made_less_often(self, monitor, stats, clock, monkeypatch):
        """After a view that took half a second, the next one is made 4.5 seconds later."""
        viewer = stats._endpoint._viewer

        def slow_stats():
            clock.advance("500ms")
            return []

        monkeypatch.setattr(monitor, "get_stats", lambda *name: None if name else slow_stats())
        monkeypatch.setattr(viewer._minutes, "follow", lambda: None)
        first = viewer.view()
        clock.advance("4499ms")
        assert viewer.view() is first
        clock.advance("1ms")
        assert viewer.view() is not first


class TestPaths:
    """What is where."""

    @pytest.mark.parametrize(
        ("path", "content_type"),
        [
            ("/", "text/html; charset=utf-8"),
            ("/stats.json", "application/json"),
            ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
            ("/dashboard.css", "text/css; charset=utf-8"),
            ("/dashboard.js", "text/javascript; charset=utf-8"),
            ("/icon.svg", "image/svg+xml"),
        ],
    )
    def test_each_path_has_its_type(self, stats, ask, path, content_type):
        """Pages, data and what they load are served as what they are."""
        answer = ask(stats, path)
        assert answer.status == 200
        assert f"content-type: {content_type}" in answer.head
        assert answer.body

    def test_metrics_are_the_exporters_text(self, stats, ask):
        """`/metrics` is what the callable gives for the monitor."""
        assert ask(stats, "/metrics").body == b"operations 2\n"

    def test_the_prometheus_exporter_fits(self, monitor, ask):
        """`metrics_text` of the exporter is such a callable, and its text can be parsed."""
        from prometheus_client.parser import text_string_to_metric_families

        from pytest_perfmon.exporters.prometheus import metrics_text

        answer = ask(StatsApp(monitor, token=TOKEN, metrics=metrics_text), "/metrics")
        assert answer.status == 200
        assert list(text_string_to_metric_families(answer.body.decode()))

    def test_without_an_exporter_there_are_no_metrics(self, monitor, ask):
        """`/metrics` is a path that is not there, unless something gives its text."""
        assert ask(StatsApp(monitor, token=TOKEN), "/metrics").status == 404

    def test_head_states_the_length_of_get(self, stats, ask):
        """HEAD gives the same headers and no body."""
        told, full = ask(stats, method="HEAD"), ask(stats)
        assert (told.status, told.head, told.body) == (200, full.head, b"")

    @pytest.mark.parametrize("method", ["POST", "OPTIONS", "DELETE"])
    def test_other_methods_are_told_which_there_are(self, stats, ask, method):
        """Anything but GET and HEAD is 405, with the two in `Allow`."""
        answer = ask(stats, method=method)
        assert answer.status == 405
        assert "allow: GET, HEAD" in answer.head

    @pytest.mark.parametrize("path", ["/stats.json", "/"])
    def test_a_prefix_is_looked_through(self, stats, ask, path):
        """Mounted below a path, the application finds its own paths."""
        assert ask(stats, path, prefix="/internal/perf").status == 200

    def test_the_place_itself_leads_to_its_slash(self, stats, ask):
        """Links are relative, so the page needs its slash; the way there is relative too."""
        answer = ask(stats, "", prefix="/internal/p:erf")
        assert answer.status == 308
        assert "location: ./p%3Aerf/" in answer.head.splitlines()

    def test_a_server_that_strips_the_prefix_is_understood(self, stats):
        """A `root_path` that is not repeated in `path` changes nothing."""
        scope = {"type": "http", "method": "GET", "path": "/stats.json", "root_path": "/perf"}
        scope["headers"] = [(b"authorization", BEARER.encode())]
        start, _ = asyncio.run(converse(stats, scope, []))
        assert start["status"] == 200


class TestMounts:
    """In applications made with frameworks."""

    @pytest.mark.parametrize("framework", ["starlette", "fastapi"])
    def test_a_mount_in_an_asgi_framework(self, stats, framework):
        """Mounted in Starlette or FastAPI and served by uvicorn, both pages are there."""
        app = MOUNTED[framework](stats)
        with serving_here(app) as port:
            answers = [ask_port(port, path) for path in ("/perf/", "/perf/stats.json", "/own")]
        assert [answer.status for answer in answers] == [200, 200, 404]
        assert b"db.select" in answers[0].body

    def test_a_mount_beside_flask(self, stats):
        """Dispatched to beside a Flask application, both are there."""
        from flask import Flask

        site = Flask("site")
        site.add_url_rule("/own", "own", lambda: "own")
        client = Client(DispatcherMiddleware(site, {"/perf": stats.wsgi}))
        headers = {"Authorization": BEARER}
        assert client.get("/own").text == "own"
        assert client.get("/perf/", headers=headers).status_code == 200
        moved = client.get("/perf", headers=headers)
        assert moved.status_code == 308
        assert urljoin("http://localhost/perf", moved.headers["Location"]).endswith(
            "localhost/perf/"
        )

    def test_a_mount_beside_django(self, tmp_path):
        """The recipe of docs/dashboard.md sends /perf to the page, and the rest to Django."""
        script = tmp_path / "site.py"
        script.write_text(DJANGO_SITE.format(recipe=recipe("beside"), token=TOKEN))
        done = subprocess.run(
            [sys.executable, script], capture_output=True, text=True, timeout=60, check=False
        )
        expected = {"/perf/stats.json": "200 OK", "/perf": "308 Permanent Redirect"}
        expected |= {"/own": "200 OK", "/perfect": "404 Not Found"}
        assert json.loads(done.stdout or done.stderr) == expected

    def test_a_mount_beside_any_asgi_site(self, stats):
        """The recipe of docs/dashboard.md does the same for ASGI."""

        async def site(_scope, _receive, send):
            await send({"type": "http.response.start", "status": 299, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        names = {"stats": stats}
        exec(recipe("beside_asgi"), names)
        app = names["beside_asgi"](site)
        asked = {path: self.status(app, path) for path in ("/perf/", "/perf", "/perfect", "/")}
        assert asked == {"/perf/": 200, "/perf": 308, "/perfect": 299, "/": 299}

    def status(self, app, path):
        """Ask an ASGI application for a path, with the token."""
        headers = [(b"authorization", BEARER.encode())]
        scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": headers}
        start, _ = asyncio.run(converse(app, scope, []))
        return start["status"]


def recipe(name):
    """Give the block of docs/dashboard.md that defines a function."""
    page = Path(__file__).parents[2] / "docs" / "dashboard.md"
    blocks = page.read_text(encoding="utf-8").split("```python\n")
    (found,) = [block for block in blocks if f"def {name}(" in block]
    return found.partition("```")[0]


DJANGO_SITE = """
import json
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web import StatsApp

stats = StatsApp(PerformanceMonitor(), token="{token}")
urlpatterns = [path("own", lambda request: HttpResponse("own"))]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)

{recipe}

application = beside(get_wsgi_application())
statuses = dict()
for asked in ("/perf/stats.json", "/perf", "/own", "/perfect"):
    environ = dict(PATH_INFO=asked, HTTP_AUTHORIZATION="Bearer {token}")
    setup_testing_defaults(environ)
    application(environ, lambda status, headers: statuses.__setitem__(asked, status))
print(json.dumps(statuses))
"""


def ask_port(port, path):
    """Ask a server on this machine, with the token."""
    from stats_servers import exchange

    return exchange(port, request(path), patience_s=10)


def in_starlette(stats):
    """Mount the application in Starlette."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    return Starlette(routes=[Mount("/perf", stats)])


def in_fastapi(stats):
    """Mount the application in FastAPI."""
    from fastapi import FastAPI

    app = FastAPI()
    app.mount("/perf", stats)
    return app


MOUNTED = {"starlette": in_starlette, "fastapi": in_fastapi}


class TestOtherConnections:
    """What an ASGI server opens beside requests."""

    def test_a_websocket_is_refused(self, stats):
        """A websocket is closed before it is open."""
        scope = {"type": "websocket", "path": "/", "headers": []}
        sent = asyncio.run(converse(stats, scope, [{"type": "websocket.connect"}]))
        assert [message["type"] for message in sent] == ["websocket.close"]

    def test_a_lifespan_is_lived(self, stats):
        """Served on its own, the application lets its server start and stop."""
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent = asyncio.run(converse(stats, {"type": "lifespan"}, messages))
        assert [message["type"] for message in sent] == [
            "lifespan.startup.complete",
            "lifespan.shutdown.complete",
        ]

    def test_it_answers_without_asyncio(self, stats):
        """On another event loop, such as trio's, the answer is made in place."""
        import trio

        scope = {"type": "http", "method": "GET", "path": "/stats.json", "headers": []}
        start, _ = trio.run(converse, stats, scope, [])
        assert start["status"] == 401


class TestAccess:
    """Who gets in."""

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_the_token_opens(self, stats, ask, scheme):
        """The scheme's name may be in any case, as everywhere."""
        assert ask(stats, authorization=f"{scheme} {TOKEN}").status == 200

    @pytest.mark.parametrize("user", ["", "me", "a@b.c"])
    def test_a_browser_gives_the_token_as_password(self, stats, ask, user):
        """HTTP Basic with the token as password opens, whoever the user says to be."""
        pair = base64.b64encode(f"{user}:{TOKEN}".encode()).decode()
        assert ask(stats, authorization=f"Basic {pair}").status == 200

    def test_a_refusal_makes_a_browser_ask(self, stats, ask):
        """Without the token the answer is 401, with the scheme that browsers have a form for."""
        answer = ask(stats, authorization=None)
        assert answer.status == 401
        assert 'www-authenticate: Basic realm="performance"' in answer.head

    @pytest.mark.parametrize("offered", ["", TOKEN[:5], TOKEN[:-1], f"{TOKEN}x", "w" * 5000])
    def test_a_comparison_tells_nothing_by_its_time(self, stats, ask, offered, monkeypatch):
        """What is compared are digests of one length, by a function made for that."""
        compared = []

        def compare(one, other):
            compared.append((one, other))
            return real(one, other)

        real = hmac.compare_digest
        monkeypatch.setattr(hmac, "compare_digest", compare)
        assert ask(stats, authorization=f"Bearer {offered}").status == 401
        ((one, other),) = compared
        assert len(one) == len(other) == 32
        assert TOKEN.encode() not in (one, other)

    def test_the_digest_of_a_token_is_new_in_each_application(self, monitor):
        """Digests are keyed anew, so that nobody can prepare tokens by theirs."""
        first, second = (StatsApp(monitor, token=TOKEN) for _ in range(2))
        assert first._endpoint._access._digest != second._endpoint._access._digest

    @pytest.mark.parametrize("token", [None, "", "short", "x" * 31, 12345, b"x" * 40])
    def test_no_token_is_no_application(self, monitor, token):
        """Without a good token nothing is constructed; the message says what one looks like."""
        with pytest.raises(UsageError, match=r"token is .*secrets\.token_urlsafe\(32\)") as caught:
            StatsApp(monitor, token=token)
        assert "x" * 31 not in str(caught.value)

    @pytest.mark.parametrize("token", ["x" * 31 + " ", "x" * 31 + "é", "x" * 31 + "\n"])
    def test_a_token_fits_into_a_header(self, monitor, token):
        """A token that no client could send is refused at once, and not repeated."""
        with pytest.raises(UsageError, match="header cannot carry") as caught:
            StatsApp(monitor, token=token)
        assert token not in str(caught.value)

    def test_showing_it_to_everybody_is_an_explicit_wish(self, monitor, ask, caplog):
        """`allow_unauthenticated=True` opens the application, and leaves a warning in the log."""
        with caplog.at_level(logging.WARNING, "pytest_perfmon"):
            stats = StatsApp(monitor, allow_unauthenticated=True)
        assert "to everybody" in caplog.text
        assert ask(stats, authorization=None).status == 200

    def test_a_token_beside_that_wish_is_a_mistake(self, monitor):
        """Whoever gives a token does not want the application open."""
        with pytest.raises(UsageError, match="expected no token beside it"):
            StatsApp(monitor, token=TOKEN, allow_unauthenticated=True)

    def test_a_bad_budget_is_a_usage_error(self, monitor):
        """A budget that is none is refused before anything is served."""
        with pytest.raises(UsageError, match=r"budget of 'db\.select' is 'fast'"):
            StatsApp(monitor, token=TOKEN, budgets={"db.select": "fast"})


class TestGuesses:
    """What the log says of wrong tokens."""

    def test_guesses_are_told_once_a_minute(self, stats, ask, clock, caplog):
        """The first wrong token is told at once, later ones together, and none of them is shown."""
        for _ in range(3):
            ask(stats, authorization="Bearer guessed")
        clock.advance("1min")
        ask(stats, authorization="Bearer guessed")
        told = [one.getMessage() for one in caplog.records if "wrong tokens" in one.getMessage()]
        assert [text.split()[5] for text in told] == ["1", "4"]
        assert "guessed" not in caplog.text

    def test_a_browsers_first_request_is_no_guess(self, stats, ask, caplog):
        """A request without any credential is refused without a word."""
        ask(stats, authorization=None)
        assert "wrong tokens" not in caplog.text


@pytest.mark.parametrize(
    ("method", "authorization", "status"),
    [("GET", b"Bearer wrong", 401), ("GET", b"", 401), ("POST", BEARER.encode(), 405)],
)
def test_refusals_need_no_thread(stats, method, authorization, status):
    """While all threads of an application are busy, who may not read is refused at once."""
    sent, busy = [], threading.Event()
    scope = {"type": "http", "method": method, "path": "/", "root_path": ""}
    scope["headers"] = [(b"authorization", authorization)]

    async def send(message):
        sent.append(message)

    async def flood():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as only_thread:
            loop.set_default_executor(only_thread)
            only_thread.submit(busy.wait)
            reader = dict(scope, method="GET", headers=[(b"authorization", BEARER.encode())])
            reading = asyncio.create_task(stats(reader, None, lambda _: asyncio.sleep(0)))
            try:
                for _ in range(100):
                    await asyncio.wait_for(stats(scope, None, send), DEADLINE_S)
                assert not reading.done(), "figures wait for a thread, as they should"
            finally:
                busy.set()
            await asyncio.wait_for(reading, DEADLINE_S)

    asyncio.run(flood())
    assert [one["status"] for one in sent if "status" in one] == [status] * 100


def test_what_fails_inside_is_not_told(monitor, ask, caplog):
    """An error while answering is logged, and answered by one fixed sentence."""

    def broken(_monitor):
        raise ValueError("secret detail")

    answer = ask(StatsApp(monitor, token=TOKEN, metrics=broken), "/metrics")
    assert (answer.status, answer.body) == (500, b"This could not be answered.\n")
    assert "secret detail" in caplog.text


def test_answers_are_rendered_once_a_view(stats, ask, monkeypatch):
    """A flood for one page is answered with the same bytes until the figures are renewed."""
    first = ask(stats).body
    view = stats._endpoint._viewer.view()
    monkeypatch.setattr(stats._endpoint, "_rendered", (view, {("/stats.json", (100, 0)): b"kept"}))
    assert first != b"kept"
    assert ask(stats).body == b"kept"
