"""Any run that hypothesis can think of."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.packed import MOST
from pytest_perfmon.model.run import Commit, Environment, Run

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
