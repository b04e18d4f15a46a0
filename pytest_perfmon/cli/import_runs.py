"""Take runs that pytest-benchmark saved into a store."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pytest_perfmon.cli.exit_codes import FINE, USAGE
from pytest_perfmon.cli.output import Output
from pytest_perfmon.cli.stores import add_store_options, chosen_store
from pytest_perfmon.errors import NewerSchemaError, RunExistsError, UsageError
from pytest_perfmon.formats.pytest_benchmark_reader import from_pytest_benchmark
from pytest_perfmon.storage.base import RunStore

SUMMARY: Final = "take runs that pytest-benchmark saved into a store"
EXAMPLES: Final = """\
import .benchmarks
import benchmark.json --baseline-name=main --store=sqlite:///runs.db"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for the files and the store."""
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="what --benchmark-json or --benchmark-save wrote, or a folder with such files",
    )
    add_store_options(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Import every file that can be; 4 where one cannot, after the others are in."""
    store = chosen_store(arguments)
    taken = known = refused = 0
    for path in _files(arguments.files):
        out.progress(f"importing {path}")
        try:
            _import(path, arguments.baseline_name, store, out)
        except RunExistsError:
            known += 1
        except _UnusableError as error:
            refused += 1
            out.warn(f"error: {path} was not imported: {error}")
        else:
            taken += 1
    runs = "1 run" if taken == 1 else f"{taken} runs"
    there = f"; {known} there already" if known else ""
    damaged = f"; {refused} could not be used" if refused else ""
    out.line(
        f"imported {runs} into the baseline {arguments.baseline_name!r}"
        f" of {store.describe()}{there}{damaged}"
    )
    return USAGE if refused else FINE


class _UnusableError(Exception):
    """A file that cannot be imported, while others may be."""


def _import(path: Path, name: str, store: RunStore, out: Output) -> None:
    try:
        imported = from_pytest_benchmark(path.read_bytes(), name)
    except OSError as error:
        raise _UnusableError(f"it cannot be read: {error.strerror or error}") from None
    except (ValueError, NewerSchemaError) as error:
        raise _UnusableError(str(error)) from None
    for note in imported.notes:
        out.warn(f"{path}: {note}")
    try:
        store.save(imported.run)
    except ValueError as error:  # figures that no store would read again
        raise _UnusableError(str(error)) from None


def _files(named: Iterable[Path]) -> Iterator[Path]:
    """Give the files in the order named; those of a folder by name."""
    for path in named:
        if path.is_dir():
            found = sorted(path.rglob("*.json"))
            if not found:
                raise UsageError(f"{str(path)!r} is a folder without a .json file in it")
            yield from found
        else:
            yield path
