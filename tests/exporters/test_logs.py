"""Logs and JSON lines: one record for each operation and flush, with the documented fields."""

from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path

import pytest

from pytest_perfmon import PerformanceMonitor
from pytest_perfmon.exporters.batching import BatchExporter
from pytest_perfmon.exporters.figures import Intervals
from pytest_perfmon.exporters.logs import FIELDS, JsonLines, LogRecords

PAGE = Path(__file__).parents[2] / "docs" / "exporters.md"


@pytest.fixture
def monitor():
    """A monitor with figures of nothing."""
    return PerformanceMonitor()


def export(monitor, backend, flushes=("ab", "b")):
    """Call the operations of each flush once, 5 ms each; then flush."""
    with BatchExporter(backend, Intervals(monitor), interval="60min") as exporter:
        for operations in flushes:
            for name in operations:
                monitor.record_metric(name, 5.0)
            assert exporter.flush()


def moment():
    """When it is in these tests."""
    return 1_723_046_400.25


def test_a_file_gets_one_object_for_each_operation_and_flush(monitor, tmp_path):
    """Lines are added to what is there, each a JSON object on its own."""
    path = tmp_path / "perf.jsonl"
    path.write_text("{}\n")
    export(monitor, JsonLines(str(path), wall_clock=moment))
    _, *lines = map(json.loads, path.read_text().splitlines())
    assert [(line["operation"], line["count"]) for line in lines] == [("a", 1), ("b", 1), ("b", 1)]
    assert {line["timestamp"] for line in lines} == {1_723_046_400.25}


def test_a_line_has_all_figures(monitor):
    """Counts, errors by type and milliseconds, in the order of the fields."""
    stream = io.StringIO()
    for success in (True, False):
        monitor.record_metric("db.query", 10.0, success=success)
    JsonLines(stream, wall_clock=moment).send(monitor.get_stats())
    line = json.loads(stream.getvalue())
    assert tuple(line) == FIELDS
    assert line == {
        "timestamp": 1_723_046_400.25,
        "operation": "db.query",
        "count": 2,
        "errors": 1,
        **dict.fromkeys(("avg_ms", "min_ms", "max_ms", "p50_ms", "p95_ms", "p99_ms"), 10.0),
        "errors_by_type": {"unknown": 1},
    }


def test_a_name_cannot_break_a_line(monitor):
    """Line breaks in names are escaped."""
    stream = io.StringIO()
    monitor.record_metric("a\nb\u2028c", 1.0)
    JsonLines(stream).send(monitor.get_stats())
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["operation"] == "a\nb\u2028c"


def test_a_file_may_be_rotated(monitor, tmp_path):
    """After the file was moved away, the next flush makes a new one."""
    path = tmp_path / "perf.jsonl"
    backend = JsonLines(path)
    export(monitor, backend, ["a"])
    path.rename(tmp_path / "perf.jsonl.1")
    export(monitor, backend, ["b"])
    assert json.loads(path.read_text())["operation"] == "b"


def test_a_file_that_cannot_be_written_raises_nothing(monitor, tmp_path, caplog):
    """The points wait for another attempt, and the log names the file once."""
    path = tmp_path / "missing" / "perf.jsonl"
    exporter = BatchExporter(JsonLines(path), Intervals(monitor), interval="60min")
    monitor.record_metric("a", 1.0)
    assert not exporter.flush()
    assert not exporter.flush()
    assert len(caplog.records) == 1
    assert "perf.jsonl" in caplog.text
    path.parent.mkdir()
    assert exporter.flush()
    exporter.close()
    assert json.loads(path.read_text())["operation"] == "a"


def test_log_records_say_it_in_words_and_as_fields(monitor, caplog):
    """The message has the figures people look for, the record all of them."""
    caplog.set_level(logging.INFO)
    monitor.record_metric("a\nb", 5.0)
    LogRecords(wall_clock=moment).send(monitor.get_stats())
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("pytest_perfmon", logging.INFO)
    assert record.message == (
        r"operation 'a\nb': 1 calls, 0 errors, avg 5.000 ms, p95 5.000 ms, p99 5.000 ms"
    )
    assert tuple(record.perfmon) == FIELDS
    assert record.perfmon["timestamp"] == 1_723_046_400.25


def test_records_go_to_a_logger_and_level_of_ones_own(monitor, caplog):
    """A logger that is given is used, at the level that is given."""
    backend = LogRecords(logging.getLogger("shop.perf"), logging.WARNING)
    export(monitor, backend, ["a"])
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("shop.perf", logging.WARNING)


def test_the_documentation_has_every_field():
    """The table of fields in the documentation is that of the lines."""
    section = PAGE.read_text().partition("## Logs and JSON lines")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(rows)) == list(FIELDS)
