"""`show`: the figures of one stored run."""

from __future__ import annotations

import argparse
from typing import Final

from pytest_perfmon.cli.exit_codes import FINE
from pytest_perfmon.cli.output import BOLD, Output
from pytest_perfmon.cli.runs import WORDS, find_runs, one_line
from pytest_perfmon.cli.stores import add_store_options, chosen_store
from pytest_perfmon.cli.tables import Row, Table, names_of
from pytest_perfmon.model.run import Run
from pytest_perfmon.model.schema import run_to_json
from pytest_perfmon.reporting.cells import clean
from pytest_perfmon.reporting.figures import figure
from pytest_perfmon.units import format_ns

SUMMARY: Final = "show the figures of a stored run"
EXAMPLES: Final = """\
show latest
show 0f3c --baseline-name=main
show latest~1 --json | jq .commit"""

_FIGURES: Final = ("median", "p95", "p99", "max")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for the run."""
    parser.add_argument("run", metavar="RUN", help=WORDS)
    add_store_options(parser)
    parser.add_argument("--json", action="store_true", help="print the run as it is stored")


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Show the run."""
    store = chosen_store(arguments)
    (found,) = find_runs(store, arguments.baseline_name, [arguments.run], out)
    if arguments.json:
        out.line(run_to_json(found).rstrip("\n"))
    else:
        _write(found, out)
    return FINE


def _write(found: Run, out: Output) -> None:
    out.line(out.styled(clean(one_line(found)), BOLD))
    for name, value in sorted(found.environment.fields.items()):
        out.line(clean(f"  {name}: {value}"))
    out.line()
    table = Table(("operation", "calls", *_FIGURES), ("operation",))
    for key, label in names_of(found.results).items():
        summary = found.results[key]
        figures = (figure(summary, name) for name in _FIGURES)
        times = ("-" if value is None else format_ns(value) for value in figures)
        table.rows.append(Row([label, f"{summary.calls:,}", *times]))
    table.write(out)
