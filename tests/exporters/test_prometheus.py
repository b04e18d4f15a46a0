"""What Prometheus is told: names, units and figures, as its own parser reads them."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from recorders import Keeper

from pytest_perfmon.errors import UsageError
from pytest_perfmon.exporters.batching import BatchExporter
from pytest_perfmon.exporters.cloudflare import CloudflareMetricsExporter
from pytest_perfmon.exporters.logs import JsonLines
from pytest_perfmon.exporters.prometheus import PerfmonCollector, PushgatewayExporter, metrics_text
from pytest_perfmon.monitor.core import PerformanceMonitor

DURATION = "perfmon_operation_duration_seconds"


@pytest.fixture
def monitor():
    """Three calls of one operation, of which one failed, and a cancelled call of another."""
    monitor = PerformanceMonitor()
    monitor.record_metric("db.query", 2.0)
    monitor.record_metric("db.query", 40.0)
    monitor.record("db.query", 3_000_000, error_type="app.Broken")
    monitor.record("job", 1_000, error_type="CancelledError", cancelled=True)
    return monitor


def samples_of(text):
    """Read the text as Prometheus' parser does: values by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples, name, **labels):
    """Give the one sample of that name and those labels."""
    return samples[(name, *sorted(labels.items()))]


def test_durations_are_a_histogram_in_seconds(monitor):
    """Counts and sums are the monitor's own, buckets cumulative, and the last is the count."""
    samples = samples_of(metrics_text(monitor))
    assert value(samples, f"{DURATION}_count", operation="db.query") == 3
    assert value(samples, f"{DURATION}_sum", operation="db.query") == pytest.approx(0.045)
    buckets = [
        value(samples, f"{DURATION}_bucket", operation="db.query", le=le)
        for le in ("0.001", "0.0025", "0.005", "0.025", "0.05", "+Inf")
    ]
    assert buckets == [0, 1, 2, 2, 3, 3]


def test_calls_are_counted_by_outcome_and_errors_by_class(monitor):
    """Each outcome is a series, and so is each class of error."""
    samples = samples_of(metrics_text(monitor))
    outcomes = {
        (operation, outcome): value(
            samples, "perfmon_operation_calls_total", operation=operation, outcome=outcome
        )
        for operation in ("db.query", "job")
        for outcome in ("success", "error", "cancelled")
    }
    assert list(outcomes.values()) == [2, 1, 0, 0, 0, 1]
    errors = "perfmon_operation_errors_total"
    assert value(samples, errors, operation="db.query", error_type="app.Broken") == 1


def test_an_operation_has_as_many_series_as_the_documentation_says(monitor):
    """Series are bounded by operations: 22 for one without errors, whatever it counts."""
    samples = samples_of(metrics_text(monitor))
    assert sum(("operation", "job") in labels for _, *labels in samples) == 22


def test_responses_are_counted_by_status(monitor):
    """Requests have a series for each status; what has none has no series, and all add up."""
    for status in (200, 200, 404):
        monitor.record("GET /x", 1, status=status)
    monitor.record("GET /x", 1, status=503, error_type="503")
    samples = samples_of(metrics_text(monitor))
    told = {
        (labels["operation"], labels["status"]): count
        for (name, *pairs), count in samples.items()
        if (labels := dict(pairs)) and name == "perfmon_operation_responses_total"
    }
    assert told == {("GET /x", "200"): 2, ("GET /x", "404"): 1, ("GET /x", "503"): 1}
    assert sum(told.values()) == value(samples, f"{DURATION}_count", operation="GET /x")


def test_types_and_help_are_told(monitor):
    """Every metric says its type and what it is."""
    families = list(text_string_to_metric_families(metrics_text(monitor)))
    assert {family.name: family.type for family in families} == {
        DURATION: "histogram",
        "perfmon_operation_calls": "counter",
        "perfmon_operation_errors": "counter",
        "perfmon_operation_responses": "counter",
    }
    assert all(family.documentation for family in families)


def test_a_monitor_that_counted_nothing_is_a_page_without_samples():
    """An empty page is no error."""
    assert samples_of(metrics_text(PerformanceMonitor())) == {}


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "new\nline", "täglich", "{}", "a,b=c"])
def test_any_name_is_a_label(name):
    """What is special in the format comes back from a parser as it was."""
    monitor = PerformanceMonitor()
    monitor.record_metric(name, 1.0)
    assert value(samples_of(metrics_text(monitor)), f"{DURATION}_count", operation=name) == 1


def test_a_name_that_is_no_unicode_spoils_nothing(monitor):
    """Lone surrogates are written as escapes; all other operations are there."""
    monitor.record_metric("bad\udcff", 1.0)
    samples = samples_of(metrics_text(monitor))
    assert value(samples, f"{DURATION}_count", operation="bad\\udcff") == 1
    assert value(samples, f"{DURATION}_count", operation="db.query") == 3


def test_the_collector_works_in_a_registry_that_describes(monitor):
    """It registers in the default kind of registry, once, and gives the figures of each scrape."""
    registry = CollectorRegistry(auto_describe=True)
    registry.register(PerfmonCollector(monitor))
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(PerfmonCollector(monitor))
    for count in (3, 4):
        samples = samples_of(generate_latest(registry).decode())
        assert value(samples, f"{DURATION}_count", operation="db.query") == count
        monitor.record_metric("db.query", 1.0)


def test_other_bounds_make_other_buckets(monitor):
    """The bounds given are those shown."""
    registry = CollectorRegistry()
    registry.register(PerfmonCollector(monitor, bounds_s=(0.01,)))
    samples = samples_of(generate_latest(registry).decode())
    assert value(samples, f"{DURATION}_bucket", operation="db.query", le="0.01") == 2
    assert sum(name == f"{DURATION}_bucket" for name, *_ in samples) == 2 * 2


def test_bad_bounds_are_refused(monitor):
    """Bounds that are none are an error where they are given, not at the scrape."""
    with pytest.raises(UsageError, match="expected ascending seconds"):
        PerfmonCollector(monitor, bounds_s=(1.0, 0.5))


def test_losses_of_exporters_are_told(monitor):
    """What became of exporters' points is a metric; two of one name are one series."""
    exporters = [BatchExporter(Keeper(), interval="600s", attempts=1) for _ in range(2)]
    exporters[0].offer(1)
    exporters[0].flush()
    exporters[1]._backend.fails = 1
    exporters[1].offer(2)
    exporters[1].flush()
    registry = CollectorRegistry()
    registry.register(PerfmonCollector(monitor, exporters=exporters))
    samples = samples_of(generate_latest(registry).decode())
    told = [
        value(
            samples,
            "perfmon_export_points_total",
            exporter="Keeper",
            outcome=outcome,
        )
        for outcome in ("sent", "dropped", "given_up")
    ]
    assert told == [1, 0, 1]
    for exporter in exporters:
        exporter.close()


def test_exporters_have_short_names_that_stay(monitor):
    """No address, and nothing else that changes, is in the label of an exporter."""
    with (
        CloudflareMetricsExporter(monitor, Keeper(), interval="600s") as cloudflare,
        PushgatewayExporter(monitor, "127.0.0.1:1", job="shop", interval="600s") as pushing,
        BatchExporter(JsonLines("x.jsonl"), interval="600s") as lines,
        BatchExporter(Keeper(), interval="600s", name="audit") as named,
    ):
        exporters = (cloudflare, pushing, lines, named)
        registry = CollectorRegistry()
        registry.register(PerfmonCollector(monitor, exporters=exporters))
        samples = samples_of(generate_latest(registry).decode())
    names = {dict(pairs).get("exporter") for _, *pairs in samples} - {None}
    assert names == {"cloudflare", "pushgateway", "JsonLines", "audit"}


@pytest.mark.parametrize("argument", ["interval", "timeout"])
def test_times_of_a_push_carry_units(monitor, argument):
    """A bare number is refused by the argument's name."""
    with pytest.raises(UsageError, match=f"^{argument} is 5 "):
        PushgatewayExporter(monitor, "127.0.0.1:1", job="shop", **{argument: 5})
