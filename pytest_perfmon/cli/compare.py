"""`compare`: two stored runs beside each other, and what the noise between runs is."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pytest_perfmon.cli.exit_codes import FINE
from pytest_perfmon.cli.output import GREEN, RED, Output
from pytest_perfmon.cli.runs import WORDS, find_runs, one_line
from pytest_perfmon.cli.stores import add_store_options, chosen_store
from pytest_perfmon.cli.tables import Row, Table, names_of
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Run
from pytest_perfmon.reporting.cells import clean
from pytest_perfmon.stats.change_points import noise_sd
from pytest_perfmon.stats.cusum import FEWEST_VALUES
from pytest_perfmon.storage.base import RunStore
from pytest_perfmon.units import format_ns, format_share

SUMMARY: Final = "show two stored runs beside each other"
EXAMPLES: Final = """\
compare latest~1 latest
compare 0f3c 81aa --baseline-name=main
compare latest~5 latest --json"""

SCHEMA: Final = 1
_WINDOW: Final = 30
_SDS: Final = 1.96 * math.sqrt(2)  # 95 % of differences between two runs are within these
_LEFT: Final = ("operation", "")


class Pair(NamedTuple):
    """One operation in both runs.

    Attributes:
        before, after: medians, nanoseconds.
        noise: the ratio beyond which one of twenty pairs of runs on unchanged code lies; None
            where too few runs are stored.
    """

    before: float
    after: float
    noise: float | None

    @property
    def ratio(self) -> float:
        """New over old; infinite where the old one is 0 and the new one is not."""
        if self.before:
            return self.after / self.before
        return math.inf if self.after else 1.0

    @property
    def beyond(self) -> bool:
        """Whether the change is larger than the noise between runs."""
        return self.noise is not None and not 1 / self.noise <= self.ratio <= self.noise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for the runs."""
    parser.add_argument("before", metavar="RUN", help=WORDS)
    parser.add_argument("after", metavar="RUN", help="the one that is held against it")
    add_store_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Show both runs; two runs cannot convict anything, so this never fails."""
    store = chosen_store(arguments)
    words = [arguments.before, arguments.after]
    before, after = find_runs(store, arguments.baseline_name, words, out)
    pairs = dict(_pairs(store, before, after))
    for text in _doubts(before, after):
        out.warn(f"note: {text}")
    if arguments.json:
        out.line(json.dumps(_plain(before, after, pairs)))
    else:
        _write(before, after, pairs, out)
    return FINE


def _pairs(store: RunStore, before: Run, after: Run) -> Iterator[tuple[Key, Pair]]:
    common = [key for key in after.results if key in before.results]
    nodeids = {key.nodeid for key in common}
    window = store.window(after.name, after.environment, nodeids, _WINDOW)
    for key in common:
        old, new = before.results[key], after.results[key]
        if old.unit != new.unit:
            continue
        medians = [one.median for one in window.values.get(key, ()) if one.unit == new.unit]
        logs = [math.log(one) for one in medians if one > 0]
        noise = math.exp(_SDS * noise_sd(logs)) if len(logs) >= FEWEST_VALUES else None
        yield key, Pair(old.median, new.median, noise)


def _doubts(before: Run, after: Run) -> Iterator[str]:
    differences = after.environment.differences(before.environment)
    if differences:
        yield f"the runs are from different environments ({'; '.join(differences)})"
    for one, other in ((before, after), (after, before)):
        missing = sum(key not in other.results for key in one.results)
        if missing:
            yield f"{missing} of {len(one.results)} operations of {one.id} are not in {other.id}"
    units = sum(
        before.results[key].unit != summary.unit
        for key, summary in after.results.items()
        if key in before.results
    )
    if units:
        yield f"{units} operations were measured in different ways and are left out"


def _write(before: Run, after: Run, pairs: Mapping[Key, Pair], out: Output) -> None:
    out.line(clean(f"before  {one_line(before)}"))
    out.line(clean(f"after   {one_line(after)}"))
    out.line()
    table = Table(("operation", "before", "after", "change", "noise", ""), _LEFT)
    for key, label in names_of(pairs).items():
        pair = pairs[key]
        style = (RED if pair.ratio > 1 else GREEN) if pair.beyond else ""
        table.rows.append(
            Row(
                [
                    label,
                    format_ns(pair.before),
                    format_ns(pair.after),
                    format_share(pair.ratio - 1, signed=True) if pair.before else "-",
                    "-" if pair.noise is None else f"±{format_share(pair.noise - 1)}",
                    "beyond the noise" if pair.beyond else "",
                ],
                style,
            )
        )
    table.write(out)
    out.line()
    beyond = sum(pair.beyond for pair in pairs.values())
    out.line(
        f"{beyond} of {len(pairs)} beyond what 95 % of runs on unchanged code differ by;"
        " --perf-against decides"
    )


def _plain(before: Run, after: Run, pairs: Mapping[Key, Pair]) -> dict[str, Any]:
    operations = [
        {
            "nodeid": key.nodeid,
            "operation": key.operation,
            "before_ns": pair.before,
            "after_ns": pair.after,
            "change": pair.ratio - 1 if math.isfinite(pair.ratio) else None,
            "noise": None if pair.noise is None else pair.noise - 1,
            "beyond_noise": pair.beyond,
        }
        for key, pair in pairs.items()
    ]
    return {
        "schema": SCHEMA,
        "before": before.id,
        "after": after.id,
        "environment_differences": list(after.environment.differences(before.environment)),
        "operations": operations,
    }
