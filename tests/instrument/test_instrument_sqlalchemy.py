"""SQLAlchemy engines as operations: real SQLite, sync and async, threads, errors and undoing."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import Counter

import pytest
from sqlalchemy import create_engine, event, exc, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

from pytest_perfmon import PerformanceMonitor, UsageError
from pytest_perfmon.instrument.sqlalchemy import ENDINGS, instrument_engine
from pytest_perfmon.testing import FakeClock


class Base(DeclarativeBase):
    """The tables of these tests."""


class User(Base):
    """Somebody with a name that nobody else has."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


@pytest.fixture
def monitor():
    """A monitor of its own."""
    return PerformanceMonitor()


@pytest.fixture
def engine(tmp_path):
    """A database on disk with one table, made before anything is timed."""
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def counts(monitor):
    """Give the counted calls of each operation."""
    return {stats.operation: stats.count for stats in monitor.get_stats()}


def observable(engine):
    """Give what an instrument could have changed on an engine."""
    listeners = Counter(
        moment
        for moment in ("before_cursor_execute", "after_cursor_execute")
        for _ in getattr(engine.dispatch, moment)
    )
    failures = len(list(engine.dialect.dispatch.handle_error))
    endings = {name: vars(engine.dialect).get(name) for name in ENDINGS}
    return listeners, failures, endings


def test_statements_and_transactions_are_operations_by_kind(engine, monitor):
    """Whatever the tables, parameters and texts, names are those of kinds."""
    with instrument_engine(engine, monitor), Session(engine) as session:
        session.add_all([User(id=1, name="Ada"), User(id=2, name="Bob")])
        session.commit()
        session.execute(
            text("-- by hand\nUPDATE users SET name = :name WHERE id = 1"), {"name": "x"}
        )
        session.execute(text("WITH a AS (SELECT 7) INSERT INTO users SELECT 7, 'seven' FROM a"))
        session.get(User, 2)
        session.rollback()
    assert counts(monitor) == {
        "sql.commit": 1,
        "sql.insert": 2,
        "sql.rollback": 1,
        "sql.select": 1,
        "sql.update": 1,
    }


def test_many_parameters_are_one_call(engine, monitor):
    """An `executemany` is one call of its operation."""
    with instrument_engine(engine, monitor), engine.begin() as connection:
        rows = [{"id": n, "name": f"name {n}"} for n in range(500)]
        connection.execute(text("INSERT INTO users VALUES (:id, :name)"), rows)
        connection.exec_driver_sql("SELECT count(*) FROM users")
    assert counts(monitor) == {"sql.commit": 1, "sql.insert": 1, "sql.select": 1}


def test_batches_that_sqlalchemy_makes_are_calls(engine, monitor):
    """Rows inserted with RETURNING go in batches, each of which the database answers."""
    with instrument_engine(engine, monitor), engine.begin() as connection:
        statement = User.__table__.insert().returning(User.id)
        rows = [{"name": f"name {n}"} for n in range(10)]
        options = {"insertmanyvalues_page_size": 5}
        assert len(connection.execute(statement, rows, execution_options=options).all()) == 10
    assert counts(monitor)["sql.insert"] == 2


def test_the_time_is_that_of_the_statement():
    """From handing the statement to the driver to its answer; commits apart."""
    clock = FakeClock()
    monitor = PerformanceMonitor(clock_ns=clock.now_ns)
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        driver.create_function("work", 0, lambda: clock.advance("7ms"))
        driver.commit()
    commit = engine.dialect.do_commit
    engine.dialect.do_commit = own = lambda connection: (clock.advance("30ms"), commit(connection))
    with instrument_engine(engine, monitor), engine.connect() as connection:
        clock.advance("1s")
        connection.execute(text("CREATE TABLE t AS SELECT work()"))
        clock.advance("1s")
        connection.commit()
    engine.dispose()
    assert engine.dialect.do_commit is own
    assert monitor.get_stats("sql.create").max == 7
    assert monitor.get_stats("sql.commit").max == 30


def test_errors_are_counted_and_go_on_unchanged(engine, monitor):
    """A statement that fails is a failure of its kind, under SQLAlchemy's name for it."""
    with instrument_engine(engine, monitor), engine.connect() as connection:
        connection.execute(text("INSERT INTO users VALUES (1, 'Ada')"))
        with pytest.raises(exc.IntegrityError) as broken:
            connection.execute(text("INSERT INTO users VALUES (2, 'Ada')"))
        with pytest.raises(exc.OperationalError):
            connection.execute(text("SELECT * FROM nowhere"))
    assert isinstance(broken.value.orig, sqlite3.IntegrityError)
    insert, select = monitor.get_stats("sql.insert"), monitor.get_stats("sql.select")
    assert (insert.success_count, insert.error_count) == (1, 1)
    assert insert.errors_by_type == {"sqlalchemy.exc.IntegrityError": 1}
    assert (select.success_count, select.error_count) == (0, 1)


def test_what_fails_after_the_answer_is_not_counted_again(engine, monitor):
    """A driver that fetches rows later may fail in that; the statement itself has succeeded."""
    good = iter([1])
    with instrument_engine(engine, monitor), engine.connect() as connection:
        connection.connection.driver_connection.create_function("once", 0, lambda: next(good))
        result = connection.exec_driver_sql("SELECT once() UNION ALL SELECT once()")
        with pytest.raises(exc.OperationalError):
            result.all()
    select = monitor.get_stats("sql.select")
    assert (select.success_count, select.error_count) == (1, 0)


def test_a_failing_commit_is_counted(engine, monitor):
    """Deferred constraints fail in the commit, which is where the failure is counted."""
    with instrument_engine(engine, monitor), engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        connection.exec_driver_sql(
            "CREATE TABLE pets (owner REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)"
        )
        connection.exec_driver_sql("INSERT INTO pets VALUES (99)")
        with pytest.raises(exc.IntegrityError):
            connection.commit()
    assert monitor.get_stats("sql.commit").errors_by_type == {"sqlite3.IntegrityError": 1}


def test_threads_are_counted_exactly(engine, monitor):
    """Statements of several threads at once are all there, each under its own kind."""
    failures = []

    def work(number):
        try:
            with engine.connect() as connection:
                for _ in range(200):
                    connection.execute(text("SELECT :n"), {"n": number})
                    connection.execute(text("VALUES (1)"))
        except BaseException as error:
            failures.append(error)
            raise

    with instrument_engine(engine, monitor):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
    assert counts(monitor) == {"sql.rollback": 6, "sql.select": 1200, "sql.values": 1200}


def test_a_statement_inside_a_listener_is_counted_by_itself(engine, monitor):
    """Statements nest where a listener sends one of its own."""

    def look(connection, _cursor, statement, *_):
        if statement.startswith("VALUES"):
            connection.exec_driver_sql("SELECT 1")

    event.listen(engine, "after_cursor_execute", look)
    with instrument_engine(engine, monitor), engine.connect() as connection:
        connection.exec_driver_sql("VALUES (1)")
    assert counts(monitor) == {"sql.rollback": 1, "sql.select": 1, "sql.values": 1}


def test_an_engine_may_have_several_instruments(engine, monitor):
    """Each counts for itself, and they come off in any order."""
    other = PerformanceMonitor()
    before = observable(engine)
    first = instrument_engine(engine, monitor)
    second = instrument_engine(engine, other, name="shop.sql")
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    first.remove()
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    assert counts(monitor) == {"sql.commit": 1, "sql.select": 1}
    assert counts(other) == {"shop.sql.commit": 2, "shop.sql.select": 2}
    second.remove()
    assert observable(engine) == before


def test_several_engines_are_told_apart_by_name(monitor):
    """Two engines report to one monitor under names of their own."""
    main, replica = create_engine("sqlite://"), create_engine("sqlite://")
    with (
        instrument_engine(main, monitor),
        instrument_engine(replica, monitor, name="replica.sql"),
        main.connect() as one,
        replica.connect() as two,
    ):
        one.execute(text("SELECT 1"))
        two.execute(text("SELECT 1"))
        two.execute(text("SELECT 2"))
    main.dispose()
    replica.dispose()
    assert (counts(monitor)["sql.select"], counts(monitor)["replica.sql.select"]) == (1, 2)


def test_engines_made_by_options_are_heard(engine, monitor):
    """An engine with other execution options is the same engine."""
    with (
        instrument_engine(engine, monitor),
        engine.execution_options(logging_token="x").connect() as connection,
    ):
        connection.execute(text("SELECT 1"))
    assert counts(monitor)["sql.select"] == 1


def test_without_a_monitor_the_ambient_one_counts(engine, monitor):
    """Whose statement it is, is decided at each statement."""
    with (
        instrument_engine(engine),
        engine.connect() as connection,
        monitor.activate(),
    ):
        connection.execute(text("SELECT 1"))
    assert counts(monitor) == {"sql.select": 1}


def test_a_disabled_monitor_counts_nothing(engine):
    """A monitor that is switched off stays empty, and statements run."""
    monitor = PerformanceMonitor(enabled=False)
    with instrument_engine(engine, monitor), engine.begin() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    assert counts(monitor) == {}


def test_undoing_leaves_the_engine_as_before(engine, monitor):
    """Listeners and methods are gone, nothing is counted any more, and a second time is nothing."""
    before = observable(engine)
    instrument = instrument_engine(engine, monitor)
    assert observable(engine) != before
    instrument.remove()
    assert observable(engine) == before
    instrument.remove()
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    assert counts(monitor) == {}
    assert observable(engine) == before


def test_a_method_that_others_put_in_front_stays_theirs(engine, monitor):
    """Undoing takes away what is its own, and only that."""
    instrument = instrument_engine(engine, monitor)
    timed, seen = engine.dialect.do_commit, []
    engine.dialect.do_commit = theirs = lambda connection: (seen.append(1), timed(connection))
    instrument.remove()
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    assert engine.dialect.do_commit is theirs
    assert (seen, counts(monitor)) == ([1], {})


def test_a_statement_that_is_cut_short_by_an_exit_is_counted(engine, monitor):
    """An interrupt in the driver is a failure under its own name."""

    def interrupted(*_):
        raise KeyboardInterrupt

    event.listen(engine, "do_execute", interrupted)
    event.listen(engine, "do_execute_no_params", interrupted)
    with (
        instrument_engine(engine, monitor),
        engine.connect() as connection,
        pytest.raises(KeyboardInterrupt),
    ):
        connection.exec_driver_sql("SELECT 1")
    assert monitor.get_stats("sql.select").errors_by_type == {"KeyboardInterrupt": 1}


@pytest.mark.parametrize("engine", [None, "sqlite://", object()])
def test_what_is_no_engine_is_refused(engine):
    """The complaint shows the value and says what was expected."""
    with pytest.raises(UsageError, match=r"engine is .*: expected a SQLAlchemy Engine"):
        instrument_engine(engine)


def test_what_is_no_monitor_is_refused_before_any_statement():
    """An application learns of it where it says so, not in each of its statements."""
    engine = create_engine("sqlite://")
    with pytest.raises(UsageError, match="monitor is 3: expected a PerformanceMonitor or None"):
        instrument_engine(engine, 3)
    engine.dispose()


def test_async_engines_are_timed_alike(tmp_path, monitor):
    """Statements of several tasks at once, their errors, and the undoing."""

    async def look(engine, number):
        async with engine.begin() as connection:
            await connection.execute(text("SELECT :n"), {"n": number})

    async def main():
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'async.db'}")
        before = observable(engine.sync_engine)
        with instrument_engine(engine, monitor):
            await asyncio.gather(*(look(engine, number) for number in range(20)))
            async with engine.connect() as connection:
                with pytest.raises(exc.OperationalError):
                    await connection.execute(text("DELETE FROM nowhere"))
        assert observable(engine.sync_engine) == before
        await engine.dispose()

    asyncio.run(main())
    assert counts(monitor) == {
        "sql.commit": 20,
        "sql.delete": 1,
        "sql.rollback": 1,
        "sql.select": 20,
    }
    assert monitor.get_stats("sql.delete").errors_by_type == {"sqlalchemy.exc.OperationalError": 1}


def test_a_cancelled_statement_is_counted_apart(tmp_path, monitor):
    """Cancellation says that nobody waits any more; it is no failure of the database."""

    async def main():
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'async.db'}")
        entered, go_on = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def wait():
            loop.call_soon_threadsafe(entered.set)
            return go_on.wait(10)

        async def ask(connection):
            await connection.execute(text("SELECT wait()"))

        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            await raw.driver_connection.create_function("wait", 0, wait)
            with instrument_engine(engine, monitor):
                task = asyncio.create_task(ask(connection))
                await entered.wait()
                task.cancel()
                go_on.set()
                with pytest.raises(asyncio.CancelledError):
                    await task
        await engine.dispose()

    asyncio.run(main())
    select = monitor.get_stats("sql.select")
    assert (select.count, select.cancelled_count) == (0, 1)
