"""Runs to store, by number."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.run import Commit, Environment, Run

HERE = Environment({"python": "3.11.7", "cpu": "a fast one"})
THERE = Environment({"python": "3.12.1", "cpu": "a fast one"})
ELSEWHERE = Environment({"python": "3.13.0", "cpu": "a slow one"})
PARSE = Key("tests/test_parse.py::test_parse", "parse")
QUERY = Key("tests/test_db.py::test_query[1]", "db.query")


def make_summary(median: float = 1500.0) -> Summary:
    """Give figures that hang together around that median."""
    return Summary(
        unit="call",
        rounds=240,
        calls=240,
        errors=0,
        mean=median * 1.01,
        min=median * 0.9,
        median=median,
        p90=median * 1.1,
        p95=median * 1.2,
        p99=median * 1.4,
        max=median * 2,
        intervals={"median": (median * 0.99, median * 1.01), "p95": (median, median * 1.3)},
        distribution=tuple((160 + step, 1 + step * 7 % 50) for step in range(25)),
        control_ns=median / 7,
    )


def make_run(
    number: int,
    *,
    name: str = "default",
    environment: Environment = HERE,
    keys: Iterable[Key] = (PARSE,),
) -> Run:
    """Give the run of that number: a minute younger than the one before it."""
    time = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    return Run(
        id=f"{number:012x}",
        name=name,
        time=time.isoformat(timespec="microseconds"),
        commit=Commit("c0ffee", "main"),
        environment=environment,
        results={
            key: make_summary(1000.0 + number + place)
            for place, key in enumerate(dict.fromkeys(keys))
        },
    )
