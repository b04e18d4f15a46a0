"""`--perf-against` whatever the form, the runner, the fixtures and the options of the tests.

The baseline's work takes 1 ms of the scripted clock and the candidate's 3 ms: an effect of +200 %
says that the form was measured on both sides, and nothing but its work.
"""

from __future__ import annotations

import pytest
from two_sides import TwoSides

pytestmark = pytest.mark.slow
tripled = pytest.approx(2.0, abs=1e-3)


@pytest.fixture
def sides(project, tmp_path_factory, monkeypatch):
    """A project and its baseline, compared by way of a cache directory of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    return TwoSides(project, tmp_path_factory.mktemp("baseline"))


def test_every_form_of_measuring(sides):
    """Calls, set-up calls, rounds, tracked operations, repeated bodies, a marker alone."""
    sides.lay_out(
        """
        import pytest
        from product import work

        def test_call(perf_monitor, perf_clock):
            assert perf_monitor(work, perf_clock) == 42

        def test_measure(perf_monitor, perf_clock):
            dirty = []

            def prepare():
                assert not dirty
                perf_clock.advance("1s")
                dirty.append(1)

            def clean():
                dirty.clear()
                perf_clock.advance("1s")

            perf_monitor.measure("one", work, perf_clock, setup=prepare, teardown=clean)
            perf_monitor.measure("two", work, perf_clock)

        def test_rounds(perf_monitor, perf_clock):
            for _ in perf_monitor.rounds():
                with perf_monitor.track("inner"):
                    work(perf_clock)

        @pytest.mark.budget("tracked", p95=50)
        def test_body(perf_monitor, perf_clock):
            with perf_monitor.track("tracked"):
                work(perf_clock)

        @pytest.mark.budget(p95=50)
        def test_marked(perf_clock):
            work(perf_clock)
        """
    )
    sides.compare()
    effects = sides.verdicts()
    names = ("test_call", "one", "two", "test_rounds", "inner", "test_body", "tracked")
    assert effects == dict.fromkeys((*names, "test_marked"), tripled)


def test_every_async_runner(sides):
    """pytest-asyncio, anyio on both backends and trio: calls, async loops and repeated bodies."""
    sides.lay_out(
        """
        import anyio
        import asyncio
        import pytest
        import trio
        from product import work

        async def later(clock):
            await anyio.lowlevel.checkpoint()
            return work(clock)

        @pytest.mark.asyncio
        async def test_call_asyncio(perf_monitor, perf_clock):
            assert await perf_monitor(later, perf_clock) == 42

        @pytest.mark.anyio
        async def test_call_anyio(perf_monitor, perf_clock):
            assert await perf_monitor(later, perf_clock) == 42

        @pytest.mark.trio
        async def test_call_trio(perf_monitor, perf_clock):
            assert await perf_monitor(later, perf_clock) == 42

        @pytest.mark.asyncio
        async def test_loop_asyncio(perf_monitor, perf_clock):
            async for _ in perf_monitor.rounds():
                await later(perf_clock)

        @pytest.mark.anyio
        async def test_loop_anyio(perf_monitor, perf_clock):
            async for _ in perf_monitor.rounds():
                await later(perf_clock)

        @pytest.mark.trio
        async def test_loop_trio(perf_monitor, perf_clock):
            async for _ in perf_monitor.rounds():
                await later(perf_clock)

        @pytest.mark.asyncio
        @pytest.mark.budget(p95=50)
        async def test_body_asyncio(perf_clock):
            await later(perf_clock)

        @pytest.mark.anyio
        @pytest.mark.budget(p95=50)
        async def test_body_anyio(perf_clock):
            await later(perf_clock)

        @pytest.mark.trio
        @pytest.mark.budget(p95=50)
        async def test_body_trio(perf_clock):
            await later(perf_clock)

        @pytest.mark.asyncio
        async def test_gathered(perf_monitor, perf_clock):
            async def both():
                await asyncio.gather(later(perf_clock), later(perf_clock))

            await perf_monitor.measure("gathered", both)
        """,
        ini="asyncio_default_fixture_loop_scope = function\n",
    )
    sides.project.use("pytest_asyncio.plugin", "anyio.pytest_plugin", "pytest_trio.plugin")
    sides.compare()
    effects = sides.verdicts()
    backends = ("asyncio", "anyio[asyncio]", "anyio[trio]", "trio")
    names = [f"test_{form}_{one}" for form in ("call", "loop", "body") for one in backends]
    assert effects == dict.fromkeys((*names, "gathered"), tripled)


def test_fixtures_and_kinds_of_tests(sides):
    """A database for the session, tmp_path, parameters, methods and unittest: as ever, twice."""
    sides.lay_out(
        """
        import random
        import unittest
        import pytest
        from product import work

        def test_database(perf_monitor, perf_clock, database):
            for _ in perf_monitor.rounds():
                database.execute("insert into seen values (1)")
                work(perf_clock)
            database.rollback()

        def test_rolled_back(perf_monitor, perf_clock, database):
            assert database.execute("select count(*) from seen").fetchone() == (0,)
            perf_monitor(work, perf_clock)

        def test_tmp_path(perf_monitor, perf_clock, tmp_path):
            assert list(tmp_path.iterdir()) == []
            (tmp_path / "file").touch()
            perf_monitor(work, perf_clock)

        @pytest.mark.parametrize("times", [1, 2])
        def test_parameters(perf_monitor, perf_clock, times):
            perf_monitor(lambda: [work(perf_clock) for _ in range(times)])

        def test_same_chance(perf_monitor, perf_clock):
            took = random.randint(10**9, 2 * 10**9)
            perf_monitor(lambda: [perf_clock.advance(took), work(perf_clock)])

        class TestMethods:
            @pytest.fixture(autouse=True)
            def prepare(self):
                self.ready = True

            def test_method(self, perf_monitor, perf_clock):
                assert self.ready
                perf_monitor(work, perf_clock)

        class TestCase(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def take(self, perf_clock):
                self.clock = perf_clock

            @pytest.mark.budget(p95=50)
            def test_case(self):
                work(self.clock)

        class TestAsyncCase(unittest.IsolatedAsyncioTestCase):
            @pytest.fixture(autouse=True)
            def take(self, perf_clock):
                self.clock = perf_clock

            @pytest.mark.budget(p95=50)
            async def test_async_case(self):
                work(self.clock)
        """,
        conftest="""
        import sqlite3
        import pytest

        @pytest.fixture(scope="session")
        def database(tmp_path_factory):
            path = tmp_path_factory.mktemp("database", numbered=False) / "seen.db"
            assert not path.exists()
            connection = sqlite3.connect(path)
            connection.execute("create table seen (value integer)")
            connection.commit()
            yield connection
            assert connection.execute("select count(*) from seen").fetchone() == (0,)
            connection.close()
        """,
    )
    sides.compare()
    effects = sides.verdicts()
    by_chance = effects.pop("test_same_chance")
    assert by_chance == pytest.approx(0.0015, abs=0.0006)
    names = ("test_database", "test_rolled_back", "test_tmp_path", "test_method")
    cases = ("test_parameters[1]", "test_parameters[2]", "test_case", "test_async_case")
    assert effects == dict.fromkeys((*names, *cases), tripled)


CHOSEN = """
import warnings
import pytest
from product import work

def test_first(perf_monitor, perf_clock, request):
    config = request.config
    assert config.getini("junit_suite_name") == "renamed"
    assert config.pluginmanager.has_plugin("helping")
    assert config.getoption("importmode") == "importlib"
    assert config.getoption("tbstyle") == "line"
    with pytest.raises(UserWarning):
        warnings.warn("this is an error", UserWarning)
    perf_monitor(work, perf_clock)

@pytest.mark.chosen
def test_marked(perf_monitor, perf_clock):
    perf_monitor(work, perf_clock)

def test_other(perf_monitor):
    pytest.fail("it was not to run")
"""


def test_options_reach_the_workers(sides):
    """-k, -m, -p, -c, -o, -W, --import-mode and addopts are in force on both sides."""
    sides.project.pytester.syspathinsert()  # as `python -m pytest` does
    sides.lay_out(CHOSEN, helping="", ini="addopts = --nothing-of-the-kind\n")
    other = "[pytest]\nmarkers = chosen\naddopts = --import-mode=importlib --tb=line\n"
    for place in (sides.project.path, sides.baseline):
        (place / "other.ini").write_text(other)
    options = ("-c", "other.ini", "-p", "helping", "-W", "error::UserWarning")
    sides.compare(*options, "-o", "junit_suite_name=renamed", "-k", "first or marked", blocks=1)
    assert sides.verdicts() == {"test_first": tripled, "test_marked": tripled}
    sides.compare(*options, "-o", "junit_suite_name=renamed", "-m", "chosen", blocks=1)
    assert sides.verdicts() == {"test_marked": tripled}


def test_node_ids_reach_the_workers(sides):
    """Tests named on the command line are compared, in the order named, and no others."""
    sides.lay_out(CHOSEN, ini="markers = chosen\n", test_more=CHOSEN)
    sides.compare("test_more.py::test_marked", "test_it.py::test_marked", blocks=1)
    named = [one["nodeid"] for one in sides.project.report()["tests"]]
    assert named == ["test_more.py::test_marked", "test_it.py::test_marked"]
    assert all(one["comparison"]["effect"] == tripled for one in sides.project.verdicts())
