"""The dashboard in a real browser: headless Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import sys

import pytest
from hostile_names import HOSTILE_NAMES
from stats_servers import TOKEN, serving_here

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.testing import FakeClock
from pytest_perfmon.web import StatsApp
from pytest_perfmon.web.minutes import INTERVAL_NS

pytestmark = pytest.mark.slow

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
    "--process-per-site",
]
PHONE = {"width": 320, "height": 640}
REFRESH_MS = 5000
DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium of this machine; without one, CI on Linux fails and others skip."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        give_up = pytest.fail if os.environ.get("CI") and sys.platform == "linux" else pytest.skip
        give_up(f"no browser here: expected one of {', '.join(NAMES)}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def clock():
    """The clock of the application's views."""
    return FakeClock()


@pytest.fixture
def monitor():
    """A monitor with one operation above its budget, one below, and a very slow call."""
    counted = PerformanceMonitor()
    for _ in range(20):
        counted.record_metric("db.select", 61.2)
        counted.record_metric("cache.get", 0.2, success=False)
    counted.record_metric("report", 6000)
    return counted


@pytest.fixture
def url(monitor, clock):
    """The dashboard's address on a real server."""
    budgets = {"db.select": 50, "cache.get": "1ms", "never": 5}
    stats = StatsApp(monitor, token=TOKEN, budgets=budgets, clock_ns=clock.now_ns)
    with serving_here(stats) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def profile(browser):
    """Gives the browser profile with these options, which knows the password; made once each."""
    profiles = {}

    def with_options(**options):
        key = repr(sorted(options.items()))
        if key not in profiles:
            credentials = {"username": "anybody", "password": TOKEN}
            profiles[key] = browser.new_context(http_credentials=credentials, **options)
        return profiles[key]

    yield with_options
    for context in profiles.values():
        context.close()


@pytest.fixture
def visit(profile, url):
    """Opens the dashboard in a page of its own; at the end, no page may have complained."""
    pages, complaints = [], []

    def open_page(**options):
        page = profile(**options).new_page()
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.clock.install()
        assert page.goto(url).status == 200
        return page

    open_page.complaints = complaints
    yield open_page
    for page in pages:
        page.close()
    assert complaints == []


def row(page, table, name):
    """Give the texts of the cells of an operation's row."""
    found = page.locator(f"table.{table} tr", has=page.get_by_role("rowheader", name=name))
    return found.locator("td").all_inner_texts()


def test_the_page_shows_the_figures(visit):
    """Operations with their percentiles, budgets with their state, slow calls, the summary."""
    page = visit()
    assert row(page, "operations", "db.select")[:5] == ["20", "0", "61.2ms", "61.2ms", "61.2ms"]
    assert row(page, "operations", "cache.get")[:3] == ["20", "100%", "200us"]
    assert row(page, "budgets", "cache.get") == ["200 us", "1.00 ms", "within"]
    assert row(page, "budgets", "never") == [DASH, "5.00 ms", "never called"]
    assert row(page, "slow", "report")[:2] == ["6.00 s", "very slow"]
    assert page.locator("dl.summary dd").all_inner_texts() == ["41", "48.8%", "176 ms", "report"]


def test_responses_are_shown_where_there_are_requests(visit, monitor, clock):
    """Requests have a column of their statuses' classes; without any there is none."""
    assert visit().get_by_role("columnheader", name="Responses").count() == 0
    clock.advance("1s")
    for status, times in ((200, 1200), (404, 30)):
        for _ in range(times):
            monitor.record("GET /x", 1_000_000, status=status)
    monitor.record("GET /x", 1_000_000, status=500, error_type="500")
    page = visit()
    assert page.get_by_role("columnheader", name="Responses").count() == 1
    assert row(page, "operations", "GET /x")[2].split() == ["2xx", "1,200", "4xx", "30", "5xx", "1"]
    assert row(page, "operations", "db.select")[2] == DASH


def test_its_files_are_loaded(visit):
    """Under the page's own policy the browser takes its style sheet, script and icon."""
    page = visit()
    assert page.evaluate("getComputedStyle(document.body).maxWidth") == "1088px"
    assert page.evaluate("typeof refresh") == "function"
    assert page.evaluate("fetch('icon.svg').then(answer => answer.status)") == 200


def test_a_violation_is_seen_at_once(visit):
    """The title, the head of the page and the budget's row say what is over budget."""
    page = visit()
    assert page.title() == "1 over budget · Performance"
    assert page.locator("header .state").inner_text() == "1 over budget"
    assert row(page, "budgets", "db.select") == ["61.2 ms", "50.0 ms", f"warning, 1.2{TIMES}"]


def test_without_the_token_a_browser_is_asked(browser, url):
    """Opened without credentials, a browser knows that it has to ask for some."""
    from playwright.sync_api import Error

    context = browser.new_context()
    with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
        context.new_page().goto(url)
    context.close()


def test_it_refreshes_itself(visit, monitor, clock):
    """Five seconds later the page shows what happened meanwhile, without being loaded again."""
    page = visit()
    page.evaluate("window.same = true")
    monitor.record_metric("newcomer", 7)
    clock.advance("1s")
    page.clock.run_for(REFRESH_MS)
    page.get_by_role("rowheader", name="newcomer").wait_for()
    monitor.reset("db.select")
    clock.advance("1s")
    page.clock.run_for(REFRESH_MS)
    page.get_by_text("within budget").wait_for()
    assert page.title() == "within budget · Performance"
    assert page.evaluate("window.same")


def test_a_server_that_is_gone_is_said_and_waited_for(visit, monitor, clock):
    """While there is no answer the old figures stay, with a note; then it goes on."""
    page = visit()
    page.route("**/*", lambda route: route.abort())
    page.clock.run_for(REFRESH_MS)
    page.get_by_text("no answer, trying again").wait_for()
    assert row(page, "operations", "db.select")[0] == "20"
    page.unroute("**/*")
    monitor.record_metric("newcomer", 7)
    clock.advance("1s")
    page.clock.run_for(REFRESH_MS)
    page.get_by_role("rowheader", name="newcomer").wait_for()
    assert page.get_by_text("no answer").count() == 0
    assert [text for text in visit.complaints if "ERR_FAILED" not in text] == []
    visit.complaints.clear()


def test_selected_text_is_left_alone(visit, monitor, clock):
    """Whoever is copying a figure is not disturbed; afterwards the page goes on."""
    page = visit()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('dl'))")
    monitor.record_metric("newcomer", 7)
    clock.advance("1s")
    page.clock.run_for(2 * REFRESH_MS)
    assert page.get_by_role("rowheader", name="newcomer").count() == 0
    page.evaluate("getSelection().removeAllRanges()")
    page.clock.run_for(REFRESH_MS)
    page.get_by_role("rowheader", name="newcomer").wait_for()


def test_hostile_names_are_shown_as_text(visit, monitor):
    """Names with markup, control characters and surrogates make no element and run nothing."""
    for name in HOSTILE_NAMES:
        monitor.record_metric(name, 5)
    page = visit()
    assert page.locator("main script, main img").count() == 0
    names = page.locator("table.operations th[scope=row]").all_inner_texts()
    assert len(names) == 3 + len(HOSTILE_NAMES)
    assert "<script>alert(1)</script>" in names
    assert "{{ 7 * 7 }}" in names
    assert "alone\\ud800" in names
    assert all(name.isprintable() for name in names)


def test_it_is_complete_without_javascript(visit):
    """With JavaScript off the same figures stand there, and the page reloads itself."""
    page = visit(java_script_enabled=False)
    assert row(page, "operations", "db.select")[:3] == ["20", "0", "61.2ms"]
    assert row(page, "budgets", "db.select")[2] == f"warning, 1.2{TIMES}"
    assert page.locator("meta[http-equiv=refresh]").get_attribute("content") == "10"


def test_a_phone_needs_no_sideways_scrolling(visit, monitor):
    """At the width of a small phone everything fits, the longest name too."""
    for name in ("x" * 300, "GET /a/very/long/route/with/{many}/{parameters}/and/{more}/of/them"):
        monitor.record_metric(name, 123_456)
    monitor.record("GET /x", 10**9, status=200)
    page = visit(viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert row(page, "operations", "db.select")[4].endswith("61.2ms")


def test_it_follows_the_colour_scheme(visit):
    """Light ink on a dark page where the system is dark, the other way round where it is light."""
    brightness = "getComputedStyle(document.body).{}.match(/\\d+/g).map(Number)[0]"
    for scheme, light_page in (("dark", False), ("light", True)):
        page = visit(color_scheme=scheme)
        paper = page.evaluate(brightness.format("backgroundColor"))
        ink = page.evaluate(brightness.format("color"))
        assert (paper > ink) is light_page
        assert abs(paper - ink) > 180


def test_the_last_minutes_are_drawn(visit, monitor, clock):
    """An operation that was called while somebody looked has its line, with the budget across."""
    page = visit()
    for _ in range(3):
        monitor.record_metric("db.select", 70)
        clock.advance(INTERVAL_NS)
        page.reload()
    assert page.locator("svg.spark").count() == 1
    assert page.locator("svg.spark path").get_attribute("d").count("L") == 2
    assert page.locator("svg.spark .limit").count() == 1
    label = page.locator("svg.spark title").text_content()
    assert label.startswith("p95 of db.select in the last 10 minutes: latest 69.7 ms")


def test_more_operations_than_a_page_holds_are_turned_to(visit, monitor):
    """Links lead through the operations, the busiest first, and refreshing keeps the page."""
    for number in range(120):
        monitor.record_metric(f"op{number:03}", 1 + number / 1000)
    page = visit()
    assert page.locator("h2 small").inner_text() == f"1{DASH}100 of 123"
    page.get_by_role("link", name="more").click()
    assert page.locator("h2 small").inner_text() == f"101{DASH}123 of 123"
    page.clock.run_for(REFRESH_MS)
    page.get_by_role("link", name="earlier").click()
    assert page.locator("h2 small").inner_text() == f"1{DASH}100 of 123"
