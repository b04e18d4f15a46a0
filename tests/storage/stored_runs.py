"""Runs to store: plain ones by number, and any that hypothesis can think of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.run import Commit, Environment, Run
from pytest_perfmon.model.schema import MOST

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


times_ns = st.integers(0, MOST) | st.floats(0, 1e18)
counts = st.integers(0, MOST)
texts = st.text(max_size=20)


@st.composite
def _intervals(draw: st.DrawFn) -> tuple[float, float]:
    low, high = sorted((float(draw(times_ns)), float(draw(times_ns))))
    return min(low, 1e18), min(high, 1e18)


summaries = st.builds(
    Summary,
    unit=st.sampled_from(["call", "per-round mean"]),
    rounds=counts,
    calls=counts,
    errors=counts,
    mean=times_ns,
    min=times_ns,
    median=times_ns,
    p90=times_ns,
    p95=times_ns,
    p99=times_ns,
    max=times_ns,
    intervals=st.dictionaries(st.sampled_from(["median", "p95", "p99"]), _intervals()),
    distribution=st.lists(st.tuples(st.integers(-64, 1024), counts), max_size=5).map(tuple),
    control_ns=times_ns,
    peak_memory=st.none() | counts,
    allocations=st.none() | st.integers(-1000, 1000),
    interrupted=st.booleans(),
    warnings=st.lists(texts, max_size=3).map(tuple),
)

runs = st.builds(
    Run,
    id=st.from_regex("[0-9a-f]{12}", fullmatch=True),
    name=st.from_regex("[a-z]{1,8}", fullmatch=True).filter(
        lambda name: name not in ("con", "nul", "aux", "prn")
    ),
    time=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001 - the zone is added below
        lambda time: time.replace(tzinfo=UTC).isoformat(timespec="microseconds")
    ),
    commit=st.builds(Commit, texts, texts, st.booleans()),
    environment=st.builds(Environment, st.dictionaries(texts, texts, max_size=4)),
    results=st.dictionaries(st.builds(Key, texts, texts), summaries, max_size=4),
)
