"""What an application tracks by itself: monitors that are watched, and the ambient one."""

from __future__ import annotations

import pytest

SERVICE = """
from pytest_perfmon import PerformanceMonitor

class Service:
    def __init__(self, clock):
        self.clock = clock
        self.monitor = PerformanceMonitor(clock_ns=clock.now_ns)

    def checkout(self, took="5ms"):
        with self.monitor.track("db.query"):
            self.clock.advance(took)
"""
SHOP = """
import pytest_perfmon

clock = None

@pytest_perfmon.track_performance("shop.query")
def query():
    clock.advance("5ms")
"""
SHOP_CLOCK = """
import pytest
import shop

@pytest.fixture(autouse=True)
def given_clock(perf_clock):
    shop.clock = perf_clock
"""


@pytest.fixture
def service(project):
    """A project whose application has a monitor of its own."""
    project.pytester.makepyfile(service=SERVICE)
    return project


@pytest.fixture
def shop(project):
    """A project whose application reports to the ambient monitor."""
    project.pytester.makepyfile(shop=SHOP)
    project.pytester.makeconftest(SHOP_CLOCK)
    return project


def test_budgets_reach_what_a_watched_monitor_tracks(service):
    """Operations of the application's own monitor are measured in the rounds and judged."""
    service.write(
        """
        import pytest
        from service import Service

        @pytest.mark.budget("db.query", p95="9ms")
        def test_kept(perf_monitor, perf_clock):
            service = Service(perf_clock)
            perf_monitor.watch(service.monitor)
            for _ in perf_monitor.rounds():
                service.checkout()
        """
    )
    service.run().assert_outcomes(passed=1)
    service.measure().assert_outcomes(passed=1)
    query = service.operations()["db.query"]
    assert (query["calls"], query["max_ns"]) == (68, 5_000_000)
    assert [one["outcome"] for one in service.verdicts() if one["criterion"] == "p95"] == ["PASSED"]


def test_a_watched_operation_over_its_budget_fails_the_test(service):
    """The headline names the application's operation."""
    service.write(
        """
        import pytest
        from service import Service

        @pytest.mark.budget("db.query", max="4ms")
        def test_broken(perf_monitor, perf_clock):
            service = Service(perf_clock)
            perf_monitor.watch(service.monitor)
            for _ in perf_monitor.rounds():
                service.checkout()
        """
    )
    result = service.measure("--perf-rounds=30")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*db.query max 5.00 ms > budget 4 ms*"])


def test_a_watched_monitor_is_heard_in_rounds_only(service):
    """What it tracked before the loop, in the warm-up and afterwards is not in the figures."""
    service.write(
        """
        from service import Service

        def test_it(perf_monitor, perf_clock):
            service = Service(perf_clock)
            perf_monitor.watch(service.monitor)
            service.checkout("1s")
            for number, _ in enumerate(perf_monitor.rounds()):
                service.checkout("5ms" if number else "2s")
            service.checkout("3s")
            assert service.monitor.get_stats("db.query").count == number + 3
        """
    )
    service.measure("--perf-rounds=30", "--perf-warmup=1ns").assert_outcomes(passed=1)
    query = service.operations()["db.query"]
    assert (query["calls"], query["min_ns"], query["max_ns"]) == (30, 5_000_000, 5_000_000)


def test_a_monitor_watched_twice_is_counted_once(service):
    """So is the fixture itself, which needs no watching; and a repeated body watches each time."""
    service.write(
        """
        import pytest
        from service import Service

        def test_loop(perf_monitor, perf_clock):
            service = Service(perf_clock)
            perf_monitor.watch(service.monitor)
            perf_monitor.watch(service.monitor)
            perf_monitor.watch(perf_monitor)
            for _ in perf_monitor.rounds():
                service.checkout()
                with perf_monitor.track("own"):
                    perf_clock.advance("1ms")

        @pytest.fixture
        def service(perf_clock):
            return Service(perf_clock)

        @pytest.mark.budget("db.query", mean="9ms")
        def test_body(perf_monitor, service):
            perf_monitor.watch(service.monitor)
            service.checkout()
        """
    )
    service.measure("--perf-rounds=30").assert_outcomes(passed=2)
    calls = {
        (test["nodeid"].rsplit("::")[-1], one["operation"]): one["calls"]
        for test in service.report()["tests"]
        for one in test["operations"]
    }
    assert calls[("test_loop", "db.query")] == calls[("test_loop", "own")] == 30
    assert calls[("test_body", "db.query")] == 30


@pytest.mark.parametrize("options", [(), ("--perf-budgets",)])
def test_watching_what_is_no_monitor_is_an_error(project, options):
    """It shows the value and what was expected, in plain runs as well."""
    project.write("def test_it(perf_monitor): perf_monitor.watch('db.query')")
    result = project.run(*options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*perf_monitor.watch was given 'db.query': expected a PerformanceMonitor*"]
    )


def test_instrumented_applications_are_measured_with_no_plumbing(shop):
    """A decorated function reports to the test's monitor, in a loop and in a repeated body."""
    shop.write(
        """
        import pytest
        import shop

        def test_loop(perf_monitor):
            for _ in perf_monitor.rounds():
                shop.query()

        @pytest.mark.budget("shop.query", p95="9ms")
        def test_body():
            shop.query()
        """
    )
    shop.run().assert_outcomes(passed=2)
    shop.measure("--perf-rounds=68").assert_outcomes(passed=2)
    calls = [
        one["calls"]
        for test in shop.report()["tests"]
        for one in test["operations"]
        if one["operation"] == "shop.query"
    ]
    assert calls == [68, 68]


def test_threads_and_executors_report_to_the_test(shop):
    """Work that the body hands to other threads is in its figures."""
    shop.write(
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        import shop

        def test_it(perf_monitor):
            with ThreadPoolExecutor(1) as executor:
                executor.submit(int).result()
                for _ in perf_monitor.rounds():
                    executor.submit(shop.query).result()
                    thread = threading.Thread(target=shop.query)
                    thread.start()
                    thread.join()
        """
    )
    shop.measure("--perf-rounds=20").assert_outcomes(passed=1)
    query = shop.operations()["shop.query"]
    assert (query["rounds"], query["calls"]) == (20, 40)


def test_an_activated_monitor_goes_ahead_of_the_tests(shop):
    """Inside `with monitor.activate()` the test's monitor hears nothing, unless it watches."""
    shop.write(
        """
        import shop
        from pytest_perfmon import PerformanceMonitor

        def test_it(perf_monitor):
            other = PerformanceMonitor()
            for _ in perf_monitor.rounds():
                with other.activate():
                    shop.query()
            assert perf_monitor.get_stats("shop.query") is None
            assert other.get_stats("shop.query").count > 20
        """
    )
    shop.measure("--perf-rounds=20").assert_outcomes(passed=1)
    assert "shop.query" not in shop.operations()


@pytest.mark.parametrize("options", [(), ("--perf-budgets",)])
def test_the_tests_monitor_is_ambient_from_setup_to_teardown(project, options):
    """Fixtures see it too; tests that are no perf tests see the process's own, before and after."""
    project.write(
        """
        import pytest
        from pytest_perfmon import current_monitor

        own_monitor = current_monitor()

        @pytest.fixture
        def app():
            before = current_monitor()
            yield before
            assert current_monitor() is before

        def test_before(app):
            assert app is current_monitor() is own_monitor

        def test_fixture(app, perf_monitor):
            assert app is current_monitor() is perf_monitor is not own_monitor

        @pytest.mark.budget(mean=50)
        def test_marked(app, perf_clock):
            perf_clock.advance("1ms")
            assert app is current_monitor() is not own_monitor

        @pytest.mark.budget(mean=50)
        @pytest.mark.xfail(raises=ZeroDivisionError)
        def test_broken(app, perf_clock):
            1 / 0

        def test_after(app):
            assert app is current_monitor() is own_monitor
        """
    )
    result = project.run(*options)
    result.assert_outcomes(passed=4, xfailed=1)


def test_the_monitor_is_given_back_where_setup_fails(project):
    """The test after one whose fixture raises finds the process's own monitor."""
    project.write(
        """
        import pytest
        from pytest_perfmon import current_monitor

        own_monitor = current_monitor()

        @pytest.fixture
        def broken():
            raise LookupError

        def test_broken(perf_monitor, broken):
            pass

        def test_after():
            assert current_monitor() is own_monitor
        """
    )
    project.measure().assert_outcomes(passed=1, errors=1)
