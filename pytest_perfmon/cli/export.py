"""Write stored runs in a format that other tools read."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pytest_perfmon.cli.exit_codes import FINE
from pytest_perfmon.cli.output import UNENCODABLE, Output
from pytest_perfmon.cli.runs import WORDS, find_runs, read_runs
from pytest_perfmon.cli.stores import add_store_options, chosen_store
from pytest_perfmon.errors import UsageError
from pytest_perfmon.formats.action_benchmark import to_action_benchmark
from pytest_perfmon.formats.bencher import to_bencher
from pytest_perfmon.formats.csv_table import csv_texts
from pytest_perfmon.formats.exported import Exported
from pytest_perfmon.formats.pytest_benchmark_writer import to_pytest_benchmark
from pytest_perfmon.model.run import Run
from pytest_perfmon.storage.base import RunStore

CSV: Final = "csv"
OF_ONE_RUN: Final[Mapping[str, Callable[[Run], Exported]]] = MappingProxyType(
    {
        "pytest-benchmark": to_pytest_benchmark,
        "bencher": to_bencher,
        "github-action-benchmark": to_action_benchmark,
    }
)
"""By name: the formats in which a file is one run."""

SUMMARY: Final = "write stored runs in a format that other tools read"
EXAMPLES: Final = """\
export --format=pytest-benchmark --output=benchmark.json
export --format=bencher | bencher run --adapter=json --file=/dev/stdin
export --format=csv --baseline-name=main --output=runs.csv"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for the format, the run, the store and the file."""
    parser.add_argument(
        "run",
        nargs="?",
        metavar="RUN",
        help=f"{WORDS} (latest; for csv: every run)",
    )
    parser.add_argument(
        "--format", required=True, choices=[*OF_ONE_RUN, CSV], help="what the reader wants"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write (the standard output)"
    )
    add_store_options(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Write the run, or for csv the runs."""
    store = chosen_store(arguments)
    runs = _chosen(store, arguments, out)
    if arguments.format == CSV:
        texts = csv_texts(runs)
    else:
        texts = iter([_text_of(next(runs), arguments.format, out)])
    if arguments.output is None:
        out.document(texts)
    else:
        with arguments.output.open("w", encoding="utf-8", errors=UNENCODABLE, newline="\n") as file:
            file.writelines(texts)
    return FINE


def _text_of(run: Run, name: str, out: Output) -> str:
    try:
        exported = OF_ONE_RUN[name](run)
    except ValueError as error:
        raise UsageError(f"the run {run.id} has no form in {name}: {error}") from None
    if exported.left_out and len(exported.left_out) == len(run.results):
        raise UsageError(f"the run {run.id} has nothing for {name}: {exported.left_out[0]}")
    for line in exported.left_out:
        out.warn(line)
    return exported.text


def _chosen(store: RunStore, arguments: argparse.Namespace, out: Output) -> Iterator[Run]:
    """Give the run that was named, or else all of the baseline, newest first."""
    name = arguments.baseline_name
    if arguments.run is not None:
        return iter(find_runs(store, name, [arguments.run], out))
    runs = read_runs(store, name, out)
    newest = next(runs, None)
    if newest is None:
        raise UsageError(
            f"the baseline {name!r} in {store.describe()} has no run: expected one or more;"
            " --store and --baseline-name name others"
        )
    return chain([newest], runs)
