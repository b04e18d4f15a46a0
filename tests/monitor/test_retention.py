"""Events: which calls make one, what it holds, how many are kept."""

from __future__ import annotations

import time
from types import MappingProxyType

import pytest

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.retention import EVENTS_KEPT, SCRUBBED, scrub


def test_ordinary_calls_make_no_event(monitor):
    """A quick success without metadata is counted and nothing more."""
    with monitor.track("op"):
        pass
    monitor.record_metric("op", duration=1)
    assert monitor.events() == ()


def test_slow_failed_and_annotated_calls_make_one(monitor, clock):
    """Each of the three reasons gives one event, oldest first, with its facts."""
    before = time.time()
    with monitor.track("slow"):
        clock.advance("1s")
    with pytest.raises(KeyError), monitor.track("failed"):
        raise KeyError
    with monitor.track("annotated", metadata={"table": "users"}):
        clock.advance("1ms")
    monitor.record_metric("recorded", duration=2, metadata={"hit": True})
    slow, failed, annotated, recorded = monitor.events()
    assert (slow.operation, slow.duration, slow.success, slow.slowness) == (
        "slow",
        1000.0,
        True,
        "slow",
    )
    assert (failed.success, failed.error_type, failed.slowness) == (False, "KeyError", None)
    assert (annotated.metadata, annotated.duration, annotated.success) == (
        {"table": "users"},
        1.0,
        True,
    )
    assert recorded.metadata == {"hit": True}
    assert before <= slow.timestamp <= recorded.timestamp <= time.time()


def test_a_cancelled_call_makes_an_event_only_for_another_reason(monitor):
    """Cancellation alone is no event; with metadata it is one that says so."""
    with pytest.raises(GeneratorExit), monitor.track("op"):
        raise GeneratorExit
    with pytest.raises(GeneratorExit), monitor.track("op", metadata={"k": 1}):
        raise GeneratorExit
    (event,) = monitor.events()
    assert (event.success, event.error_type) == (False, "GeneratorExit")


def test_metadata_is_looked_at_when_the_call_ends(monitor):
    """What the block adds is in the event; what comes later is not."""
    metadata = {"rows": None}
    with monitor.track("op", metadata=metadata):
        metadata["rows"] = 3
    metadata["rows"] = 4
    assert monitor.events()[0].metadata == {"rows": 3}


def test_metadata_is_scrubbed_and_short():
    """Secrets are gone, texts are cut, other values become texts, keys are few."""

    class Bad:
        def __repr__(self):
            raise RuntimeError

    found = scrub(
        {
            "Authorization": "Bearer x",
            "X-API-Key": "k",
            "user_password": "p",
            "sessionId": 7,
            "text": "x" * 1000,
            "count": 3,
            "ratio": 0.5,
            "flag": True,
            "nothing": None,
            "huge": 10**30,
            "list": [1, 2],
            "bad": Bad(),
            4: "key",
        }
    )
    assert found == {
        "Authorization": SCRUBBED,
        "X-API-Key": SCRUBBED,
        "user_password": SCRUBBED,
        "sessionId": SCRUBBED,
        "text": "x" * 256,
        "count": 3,
        "ratio": 0.5,
        "flag": True,
        "nothing": None,
        "huge": "1" + "0" * 30,
        "list": "[1, 2]",
        "bad": "<repr raised RuntimeError>",
        "4": "key",
    }
    assert len(scrub({f"key{number}": number for number in range(100)})) == 16


@pytest.mark.parametrize("metadata", [{}, MappingProxyType({"k": 1})])
def test_any_mapping_is_metadata(monitor, metadata):
    """An empty mapping and a read-only one both make an event."""
    with monitor.track("op", metadata=metadata):
        pass
    assert monitor.events()[0].metadata == metadata


def test_metadata_that_is_no_mapping_cannot_hurt(monitor, caplog):
    """Nonsense given as metadata is logged; the call is counted and goes on."""
    with monitor.track("op", metadata="nonsense"):
        pass
    assert monitor.get_stats("op").count == 1
    assert monitor.events()[0].metadata == {}
    assert len(caplog.records) == 1


def test_the_ring_keeps_the_newest_events(monitor):
    """Older events make room; the calls stay counted."""
    for number in range(EVENTS_KEPT + 10):
        monitor.record_metric("op", duration=number, metadata={})
    durations = [event.duration for event in monitor.events()]
    assert durations == [float(number) for number in range(10, EVENTS_KEPT + 10)]
    assert monitor.get_stats("op").count == EVENTS_KEPT + 10


@pytest.mark.parametrize(("rate", "kept"), [(0.0, 0), (1.0, 200)])
def test_the_sample_rate_is_kept_at_its_ends(rate, kept):
    """No event is kept at 0 and every one at 1; each call is counted and each slow one told."""
    told = []
    monitor = PerformanceMonitor(sample_rate=rate, on_slow=told.append)
    for _ in range(100):
        monitor.record_metric("op", duration=2000)
        monitor.record_metric("op", duration=1, success=False)
    assert len(monitor.events()) == kept
    assert len(told) == 100
    assert monitor.get_stats("op").count == 200


def test_sampling_thins_events_and_not_counts():
    """Between the ends a share of the events is kept, and every call is counted."""
    monitor = PerformanceMonitor(sample_rate=0.5)
    for _ in range(400):
        monitor.record_metric("op", duration=1, success=False)
    # 400 fair coins fall outside of these with a chance under 1e-15
    assert 120 < len(monitor.events()) < 280
    assert monitor.get_stats("op").error_count == 400


@pytest.mark.parametrize(
    ("capture", "captured"),
    [("never", [False, False]), ("very_slow", [False, True]), ("slow", [True, True])],
)
def test_the_stack_is_captured_as_asked(clock, capture, captured):
    """The caller's stack, innermost first and without our own frames, is on the events asked."""
    monitor = PerformanceMonitor(capture_stack=capture, clock_ns=clock.now_ns)
    timed = monitor.track_performance("op")(clock.advance)
    with monitor.track("op"):
        clock.advance("1s")
    timed("5s")
    events = monitor.events()
    assert [bool(event.stack) for event in events] == captured
    for event in events:
        for frame in event.stack[:1]:
            assert "test_retention.py:" in frame
            assert frame.endswith("test_the_stack_is_captured_as_asked")
        assert len(event.stack) <= 20
