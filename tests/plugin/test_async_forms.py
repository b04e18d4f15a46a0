"""The forms in async tests, under pytest-asyncio, anyio on both of its backends, and trio."""

from __future__ import annotations

from dataclasses import dataclass

import anyio.pytest_plugin  # noqa: F401 - loaded once, not anew by every run in here
import pytest
import pytest_asyncio.plugin  # noqa: F401 - as above
import pytest_trio.plugin  # noqa: F401 - as above
from counted import CONFTEST, assert_counts_the_last_of, calls_made


@dataclass(frozen=True)
class Flavour:
    """A way of running async tests.

    Attributes:
        plugin: the plugin's module.
        mark: what its tests are marked with.
        pause: an expression that lets other tasks run.
        library: what has to be imported for it.
        fixtures: further source for conftest.py.
    """

    plugin: str
    mark: str
    pause: str
    library: str
    fixtures: str = ""


ON_BACKEND = "\n\n@pytest.fixture\ndef anyio_backend():\n    return {!r}\n"
FLAVOURS = {
    "asyncio": Flavour("pytest_asyncio.plugin", "asyncio", "asyncio.sleep(0)", "asyncio"),
    "anyio on asyncio": Flavour(
        "anyio.pytest_plugin",
        "anyio",
        "anyio.lowlevel.checkpoint()",
        "anyio.lowlevel",
        ON_BACKEND.format("asyncio"),
    ),
    "anyio on trio": Flavour(
        "anyio.pytest_plugin",
        "anyio",
        "anyio.lowlevel.checkpoint()",
        "anyio.lowlevel",
        ON_BACKEND.format("trio"),
    ),
    "trio": Flavour("pytest_trio.plugin", "trio", "trio.lowlevel.checkpoint()", "trio"),
}
ASYNC_WORK = """

@pytest.fixture
def later(work):
    async def later(*args):
        await {pause}
        work()
        await {pause}
        return work.calls
    return later
"""
FORMS = {
    "call": """
async def test_it(perf_monitor, later, work):
    assert await perf_monitor(later) == work.calls
""",
    "measure": """
async def test_it(perf_monitor, later, work):
    assert await perf_monitor.measure("test_it", later, 1) == work.calls
""",
    "async for": """
async def test_it(perf_monitor, later):
    async for _ in perf_monitor.rounds():
        await later()
""",
    "for": """
async def test_it(perf_monitor, later):
    for _ in perf_monitor.rounds():
        await later()
""",
    "marker and fixture": """
@pytest.mark.budget(mean="1s")
async def test_it(perf_monitor, later):
    await later()
""",
    "marker alone": """
@pytest.mark.budget(mean="1s")
async def test_it(later):
    await later()
""",
}
forms = pytest.mark.parametrize("form", FORMS)


@pytest.fixture(params=FLAVOURS)
def flavour(request):
    """One way of running async tests after the other."""
    return FLAVOURS[request.param]


@pytest.fixture
def asynchronous(project, flavour):
    """A project that runs async tests of that flavour."""
    source = CONFTEST + flavour.fixtures + ASYNC_WORK.format(pause=flavour.pause)
    project.pytester.makeconftest(f"import {flavour.library}\n{source}")
    project.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    project.use(flavour.plugin)
    return project


def write(project, flavour, source):
    """Write a module of async tests."""
    project.write(
        f"import pytest\nimport {flavour.library}\npytestmark = pytest.mark.{flavour.mark}\n"
        + source
    )


@forms
def test_a_plain_run_awaits_the_body_once(asynchronous, flavour, form):
    """Whatever form and runner, a plain `pytest` runs the body once and passes."""
    write(asynchronous, flavour, FORMS[form])
    asynchronous.run().assert_outcomes(passed=1)
    assert calls_made(asynchronous) == {"test_it": 1}


@forms
def test_the_figures_are_of_the_awaited_calls(asynchronous, flavour, form):
    """Each value holds what passed until the call was awaited, and every call is accounted for."""
    write(asynchronous, flavour, FORMS[form])
    asynchronous.measure().assert_outcomes(passed=1)
    figures = asynchronous.operations()["test_it"]
    assert figures["calls"] >= 20
    assert_counts_the_last_of(calls_made(asynchronous)["test_it"], figures)


@forms
def test_a_single_round_awaits_the_body_once(asynchronous, flavour, form):
    """With rounds=1 the only run is the measured one."""
    write(asynchronous, flavour, FORMS[form])
    asynchronous.measure("--perf-rounds=1").assert_outcomes(passed=1)
    assert calls_made(asynchronous) == {"test_it": 1}
    assert_counts_the_last_of(1, asynchronous.operations()["test_it"])


def test_setup_and_teardown_stay_outside_the_clock(asynchronous, flavour):
    """They run around each awaited call, teardown after the awaiting."""
    write(
        asynchronous,
        flavour,
        f"""
async def test_it(perf_monitor, perf_clock):
    log = []

    def setup():
        log.append("setup")
        perf_clock.advance("1000s")

    async def work():
        log.append("begun")
        perf_clock.advance("1ms")
        await {flavour.pause}
        perf_clock.advance("1ms")
        log.append("ended")

    def teardown():
        log.append("teardown")
        perf_clock.advance("1000s")

    await perf_monitor.measure("work", work, setup=setup, teardown=teardown)
    assert log == ["setup", "begun", "ended", "teardown"] * (len(log) // 4)
""",
    )
    asynchronous.run().assert_outcomes(passed=1)
    asynchronous.measure("--perf-rounds=6").assert_outcomes(passed=1)
    work = asynchronous.operations()["work"]
    assert (work["calls"], work["min_ns"], work["max_ns"]) == (6, 2e6, 2e6)


def test_whatever_returns_an_awaitable_is_awaited(asynchronous, flavour):
    """A lambda around a coroutine function and an object with `__await__` are timed in full."""
    write(
        asynchronous,
        flavour,
        """
async def test_it(perf_monitor, perf_clock):
    class Reply:
        def __await__(self):
            perf_clock.advance("2ms")
            return "reply"
            yield

    async def work():
        perf_clock.advance("1ms")
        return "done"

    assert await perf_monitor.measure("lambda", lambda: work()) == "done"
    assert await perf_monitor.measure("object", Reply) == "reply"
""",
    )
    asynchronous.run().assert_outcomes(passed=1)
    asynchronous.measure("--perf-rounds=5").assert_outcomes(passed=1)
    medians = {name: one["median_ns"] for name, one in asynchronous.operations().items()}
    assert medians == {"lambda": 1e6, "object": 2e6}


def test_a_function_is_measured_in_an_async_test_too(asynchronous, flavour):
    """What returns a plain result gives it at once, with nothing to await."""
    write(
        asynchronous,
        flavour,
        """
async def test_it(perf_monitor, work):
    assert perf_monitor(work) == work.calls
""",
    )
    asynchronous.run().assert_outcomes(passed=1)
    asynchronous.measure("--perf-rounds=5").assert_outcomes(passed=1)
    assert asynchronous.operations()["test_it"]["calls"] == 5


def test_operations_tracked_across_awaits_are_measured(asynchronous, flavour):
    """A span that is open while others run has its whole time, in each round once."""
    write(
        asynchronous,
        flavour,
        f"""
@pytest.mark.budget("db.query", p95="50ms")
async def test_it(perf_monitor, perf_clock):
    async for _ in perf_monitor.rounds():
        with perf_monitor.track("db.query"):
            perf_clock.advance("1ms")
            await {flavour.pause}
            perf_clock.advance("1ms")
""",
    )
    asynchronous.measure().assert_outcomes(passed=1)
    query = asynchronous.operations()["db.query"]
    assert (query["calls"], query["max_ns"]) == (68, 2e6)


def test_an_error_in_the_third_round_is_raised_as_it_is(asynchronous, flavour):
    """The test fails with its own error, in the call form and in a loop, and without figures."""
    write(
        asynchronous,
        flavour,
        """
calls = []

async def third(perf_clock):
    calls.append(1)
    perf_clock.advance("1ms")
    if len(calls) % 3 == 0:
        raise LookupError("the third")

async def test_call(perf_monitor, perf_clock):
    await perf_monitor(third, perf_clock)

async def test_loop(perf_monitor, perf_clock):
    async for _ in perf_monitor.rounds():
        await third(perf_clock)
""",
    )
    result = asynchronous.measure()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*LookupError: the third"] * 2)
    result.stdout.no_fnmatch_line("*not repeatable*")
    result.stdout.no_fnmatch_line("*median*")


def test_a_repetition_that_fails_says_so(asynchronous, flavour):
    """An async body that cannot run twice fails with the way out."""
    write(
        asynchronous,
        flavour,
        """
runs = []

@pytest.mark.budget(mean=50)
async def test_it():
    runs.append(1)
    assert len(runs) == 1
""",
    )
    asynchronous.run().assert_outcomes(passed=1)
    result = asynchronous.measure()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*passes once, not repeatable: use rounds() or rounds=1*"])


def test_a_call_that_nobody_awaits_fails_the_test(asynchronous, flavour):
    """A forgotten `await` is an error that says what was expected, not a green test."""
    write(
        asynchronous,
        flavour,
        """
@pytest.mark.filterwarnings("ignore:coroutine")
async def test_it(perf_monitor, later):
    perf_monitor(later)
""",
    )
    result = asynchronous.measure()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*'test_it'*nobody awaited: expected `await perf_monitor(...)`*"])


def test_leaving_an_async_loop_restores_the_collector(asynchronous, flavour):
    """After `break` and after an error, and before the next line of the test runs."""
    write(
        asynchronous,
        flavour,
        """
import gc

async def test_break(perf_monitor, later):
    async for _ in perf_monitor.rounds():
        await later()
        assert not gc.isenabled()
        break
    assert gc.isenabled()

async def test_error(perf_monitor, later):
    with pytest.raises(LookupError):
        async for _ in perf_monitor.rounds():
            await later()
            assert not gc.isenabled()
            raise LookupError
    assert gc.isenabled()
""",
    )
    asynchronous.measure().assert_outcomes(passed=2)
