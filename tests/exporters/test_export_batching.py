"""Points go out in batches, in the background, and no backend can hurt the application."""

from __future__ import annotations

import logging
import multiprocessing
import os
import subprocess
import sys
import threading

import pytest
from recorders import Hanging, Keeper, Numbers

from pytest_perfmon.errors import UsageError
from pytest_perfmon.exporters.batching import BatchExporter, ExportCounts, ExportThread

NEVER = "600s"


@pytest.fixture
def exporter_of():
    """Makes exporters that send only when a test says so, and closes them at its end."""
    made = []

    def make(backend, source=None, **options):
        made.append(BatchExporter(backend, source, **{"interval": NEVER, **options}))
        return made[-1]

    yield make
    for exporter in made:
        exporter._exit_s = 0.0  # a backend that hangs on purpose need not be waited for
        exporter.close()


@pytest.fixture
def no_threads(monkeypatch):
    """A platform on which no thread can be started."""

    def start(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ExportThread, "start", start)


class TestBatches:
    """What is in a batch, and when it goes."""

    @pytest.mark.usefixtures("no_threads")
    def test_points_arrive_once_in_order_in_batches_of_limited_size(self, exporter_of):
        """Offered points and those of the source all arrive, no batch larger than asked for."""
        backend = Keeper()
        exporter = exporter_of(backend, Numbers(100, 101), batch_size=10)
        for number in range(25):
            exporter.offer(number)
        assert exporter.flush()
        assert backend.points == [*range(25), 100, 101]
        assert [len(batch) for batch in backend.batches] == [10, 10, 7]
        assert exporter.counts() == ExportCounts(sent=27, dropped=0, given_up=0, waiting=0)

    def test_so_many_waiting_start_a_batch(self, exporter_of):
        """A full batch goes at once, long before the interval is over."""
        backend = Keeper()
        exporter = exporter_of(backend, batch_size=3)
        for number in range(3):
            exporter.offer(number)
        assert backend.arrived.get(timeout=30) == (0, 1, 2)

    def test_age_starts_a_batch(self, exporter_of):
        """A single point goes once the interval is over."""
        backend = Keeper()
        exporter_of(backend, interval="1ms").offer("alone")
        assert backend.arrived.get(timeout=30) == ("alone",)

    def test_the_source_is_asked_at_each_interval(self, exporter_of):
        """A source's points come without anybody calling the exporter."""
        backend, source = Keeper(), Numbers(1)
        exporter_of(backend, source, interval="1ms")
        assert backend.arrived.get(timeout=30) == (1,)
        source.ready = [2]
        assert backend.arrived.get(timeout=30) == (2,)

    def test_nothing_to_send_is_not_sent(self, exporter_of):
        """An empty batch never reaches a backend."""
        backend = Keeper()
        assert exporter_of(backend, Numbers()).flush()
        assert backend.tries == []

    def test_it_works_in_a_thread_of_its_own(self, exporter_of):
        """Sending happens in a daemon thread that can be told from the application's."""
        seen = []

        class Looker(Keeper):
            def send(self, batch):
                super().send(batch)
                seen.append(threading.current_thread())

        exporter_of(Looker(), Numbers(1)).flush()
        assert isinstance(seen[0], ExportThread)
        assert seen[0].daemon


class TestBadBackends:
    """A backend that is slow, down or wrong costs its points and nothing else."""

    def test_a_hanging_backend_makes_nobody_wait(self, exporter_of):
        """While a send hangs, offers come back, the newest points are kept, the rest counted."""
        backend = Hanging()
        exporter = exporter_of(backend, batch_size=1, queue_size=10)
        exporter.offer(-1)
        assert backend.entered.wait(30)
        for number in range(1000):
            exporter.offer(number)
        assert exporter.counts() == ExportCounts(sent=0, dropped=990, given_up=0, waiting=11)
        assert not exporter.flush("1ms")
        backend.released.set()
        assert exporter.flush("30s")
        assert backend.points == [-1, *range(990, 1000)]
        assert exporter.counts() == ExportCounts(sent=11, dropped=990, given_up=0, waiting=0)

    def test_a_source_that_breaks_while_it_gives_ends_no_thread(self, exporter_of):
        """What was offered is still sent, by the same thread."""

        class Breaking(Numbers):
            def take(self):
                yield 1
                raise ValueError("broken")

        backend = Keeper()
        exporter = exporter_of(backend, Breaking())
        exporter.offer(2)
        assert exporter.flush("30s")
        assert backend.batches == [(2,)]

    def test_a_failed_batch_comes_again_and_is_given_up_in_the_end(self, exporter_of):
        """The same batch is tried `attempts` times; then it is counted as given up."""
        backend = Keeper(fails=3)
        exporter = exporter_of(backend, Numbers(1, 2), attempts=3)
        assert [exporter.flush() for _ in range(3)] == [False, False, False]
        assert backend.tries == [(1, 2)] * 3
        assert exporter.counts() == ExportCounts(sent=0, dropped=0, given_up=2, waiting=0)
        exporter.offer(3)
        assert exporter.flush()
        assert backend.batches == [(3,)]

    def test_a_backend_that_comes_back_gets_everything(self, exporter_of):
        """Points of a short outage are delivered after it, once and in order."""
        backend = Keeper(fails=2)
        source = Numbers()
        exporter = exporter_of(backend, source)
        for number in range(5):
            source.ready = [number]
            exporter.flush()
        assert backend.points == [0, 1, 2, 3, 4]
        assert exporter.counts().sent == 5

    @pytest.mark.usefixtures("no_threads")
    def test_pauses_double_up_to_the_longest(self, exporter_of):
        """While the backend fails, it is left alone for longer and longer, within the limit."""
        backend = Keeper(fails=5)
        exporter = exporter_of(backend, Numbers(1), interval="10s", attempts=9)
        assert [exporter._work() for _ in range(7)] == [10, 20, 40, 60, 60, 10, 10]

    @pytest.mark.usefixtures("no_threads")
    def test_pauses_are_finite_however_long_it_lasts(self, exporter_of):
        """A backend that is down for years overflows nothing."""
        exporter = exporter_of(Keeper(), interval="10s")
        exporter._failures = 10**6
        assert exporter._pause_s() == 60

    def test_full_batches_do_not_disturb_a_backend_that_is_down(self, exporter_of):
        """During an outage the next try comes with the pause, not with the next full batch."""
        backend = Keeper(fails=2)
        exporter = exporter_of(backend, batch_size=2)
        exporter.offer(0)
        assert not exporter.flush()
        for number in range(1, 7):
            exporter.offer(number)
        assert not exporter.flush()
        assert backend.tries == [(0,), (0,)]
        assert exporter.flush()
        assert backend.points == [*range(7)]

    def test_an_outage_is_one_line_and_its_end_another(self, exporter_of, caplog):
        """The log says once that a backend takes nothing, and once that it does again."""
        caplog.set_level(logging.INFO, "pytest_perfmon")
        exporter = exporter_of(Keeper(fails=3), Numbers(1), attempts=9)
        for _ in range(6):
            exporter.flush()
        lines = [(record.levelname, record.getMessage()) for record in caplog.records]
        assert lines == [
            ("WARNING", "Keeper takes no points; trying again"),
            ("INFO", "Keeper takes points again"),
        ]

    def test_a_source_that_raises_costs_its_points(self, exporter_of, caplog):
        """What a source raises is logged, and offered points go out all the same."""

        class Broken(Numbers):
            def take(self):
                raise ValueError("no points")

        backend = Keeper()
        exporter = exporter_of(backend, Broken())
        exporter.offer(1)
        assert exporter.flush()
        assert backend.points == [1]
        assert "no points" in caplog.text

    def test_a_send_that_offers_does_not_go_on_for_ever(self, exporter_of):
        """Points that come in while sending wait for the next time."""

        class Echo(Keeper):
            def send(self, batch):
                super().send(batch)
                exporter.offer("echo")

        backend = Echo()
        exporter = exporter_of(backend)
        exporter.offer("call")
        exporter.flush()
        assert backend.points == ["call"]


class TestTheEnd:
    """What is left is sent, and nothing waits for ever."""

    def test_close_sends_what_is_left_and_ends_the_thread(self):
        """`close` delivers, lets the source go, and may be called twice."""
        backend, source = Keeper(), Numbers(1)
        exporter = BatchExporter(backend, source, interval=NEVER)
        exporter.offer(0)
        exporter.close()
        exporter.close()
        assert backend.points == [0, 1]
        assert source.closed == 1
        exporter._thread.join(30)
        assert not exporter._thread.is_alive()

    def test_with_closes(self):
        """Leaving `with` delivers."""
        backend = Keeper()
        with BatchExporter(backend, interval=NEVER) as exporter:
            exporter.offer(1)
        assert backend.points == [1]

    def test_a_closed_exporter_takes_points_and_drops_them(self):
        """Late offers and flushes neither raise nor wait."""
        backend = Keeper()
        exporter = BatchExporter(backend, interval=NEVER, queue_size=1)
        exporter.close()
        exporter.offer(1)
        exporter.offer(2)
        assert not exporter.flush("600s")
        assert backend.points == []
        assert exporter.counts() == ExportCounts(sent=0, dropped=1, given_up=0, waiting=1)

    def test_close_leaves_a_hanging_backend_behind(self):
        """`close` comes back after `exit_time`, whatever the backend does."""
        backend = Hanging()
        exporter = BatchExporter(backend, Numbers(1), interval=NEVER, exit_time="1ms")
        exporter.close()
        assert backend.batches == []
        backend.released.set()

    def test_the_interpreters_exit_flushes(self):
        """A program that just ends has delivered."""
        assert run_script("exporter.offer('last words')") == ["last words"]

    @pytest.mark.usefixtures("no_threads")
    def test_without_threads_flush_sends(self, exporter_of):
        """Where no thread can be started, `flush` and `close` send in the caller's."""
        backend = Keeper()
        exporter = exporter_of(backend, Numbers(1))
        exporter.offer(0)
        assert backend.points == []
        assert exporter.flush()
        assert backend.points == [0, 1]
        exporter.offer(2)
        exporter.close()
        assert backend.points == [0, 1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
class TestForks:
    """A forked child exports for itself, and nothing twice."""

    def test_parent_and_child_each_send_their_own(self):
        """What waited at the fork is the parent's; what each does after it is sent by each."""
        lines = run_script(
            """
            import os
            exporter.offer("before")
            if os.fork() == 0:
                exporter.offer("child")
                assert exporter.flush()
                os._exit(0)
            os.wait()
            exporter.offer("parent")
            """
        )
        assert lines == ["child", "before", "parent"]

    def test_intervals_of_a_child_hold_only_its_own_calls(self):
        """Calls that the parent has not yet sent at the fork are sent by the parent alone."""
        lines = run_script(
            """
            import os
            from pytest_perfmon.exporters.figures import Intervals
            from pytest_perfmon.monitor.core import PerformanceMonitor

            monitor = PerformanceMonitor()
            counting = BatchExporter(Printer(), Intervals(monitor), interval="600s")
            for _ in range(300):  # more than a fold, so that some are folded and some are not
                monitor.record_metric("before", 1)
            if os.fork() == 0:
                monitor.record_metric("child", 1)
                assert counting.flush()
                os._exit(0)
            os.wait()
            """
        )
        assert lines == ["child 1", "before 300"]


@pytest.mark.slow
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_worker_sends_what_is_left_at_its_end(tmp_path, method):
    """Workers of multiprocessing send their last calls, though most end without an exit."""
    script = tmp_path / "main.py"
    script.write_text(WORKERS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", str(script), method],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    inherited = ["inherited 1"] if method == "fork" else []
    assert done.stdout.splitlines() == ["made 1", *inherited, "main 1"]


WORKERS = """
import multiprocessing
import sys

from pytest_perfmon.exporters.batching import BatchExporter
from pytest_perfmon.exporters.figures import Intervals
from pytest_perfmon.monitor.core import PerformanceMonitor


class Printer:
    def send(self, batch):
        print(*(f"{stats.operation} {stats.count}" for stats in batch), flush=True)


def export(operation):
    monitor = PerformanceMonitor()
    BatchExporter(Printer(), Intervals(monitor), interval="600s")
    monitor.record(operation, 1)


def inherit():
    monitor.record("inherited", 1)


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    works = [(export, ["made"])]
    if sys.argv[1] == "fork":
        monitor = PerformanceMonitor()
        BatchExporter(Printer(), Intervals(monitor), interval="600s")
        works.append((inherit, []))
    for work, arguments in works:
        worker = context.Process(target=work, args=arguments)
        worker.start()
        worker.join()
    export("main")
"""


class TestArguments:
    """Bad arguments are refused by name."""

    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            ("interval", 10),
            ("batch_size", 0),
            ("queue_size", "many"),
            ("attempts", 0),
            ("longest_pause", "60"),
            ("exit_time", None),
        ],
    )
    def test_a_bad_argument_is_named(self, argument, value):
        """The message names the argument and the value, before any thread is started."""
        with pytest.raises(UsageError, match=f"^{argument} is {value!r}"):
            BatchExporter(Keeper(), **{argument: value})


SCRIPT = """
import textwrap
from pytest_perfmon.exporters.batching import BatchExporter


class Printer:
    def send(self, batch):
        for point in batch:
            text = point if isinstance(point, str) else f"{point.operation} {point.count}"
            print(text, flush=True)


exporter = BatchExporter(Printer(), interval="600s")
"""


def run_script(body):
    """Run the lines after `SCRIPT` in a process of their own; gives the lines printed."""
    script = SCRIPT + f"exec(textwrap.dedent({body!r}))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()
