"""`copy`: the runs of one store, put into another."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from pytest_perfmon.cli.exit_codes import FINE, USAGE
from pytest_perfmon.cli.output import Output
from pytest_perfmon.errors import RunExistsError, UsageError
from pytest_perfmon.storage.base import open_store

SUMMARY: Final = "copy runs from one store into another"
EXAMPLES: Final = """\
copy .perfmon sqlite:///runs.db
copy postgresql+psycopg://db.example/runs .perfmon --baseline-name=main"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for the two stores."""
    parser.add_argument("source", metavar="SRC", help="where the runs are: a directory or a URL")
    parser.add_argument("target", metavar="DST", help="where they go; runs that it has stay")
    parser.add_argument(
        "--baseline-name", metavar="NAME", default=None, help="which baseline (default: all)"
    )


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Copy every run that is not damaged; 4 where one is, after the others are there.

    It can be interrupted and called again: a run is in the target whole or not at all.

    Raises:
        UsageError: there is nothing to copy, a store cannot be read or written, or a run was
            saved by a later version of this package, which has to copy it.
    """
    source, target = (open_store(url, Path.cwd()) for url in (arguments.source, arguments.target))
    damaged: list[str] = []
    copied = known = 0
    for one in source.runs(arguments.baseline_name, on_damaged=damaged.append):
        try:
            target.save(one)
        except RunExistsError:
            known += 1
        else:
            copied += 1
        out.progress(f"copying: {copied + known} runs, at {one.time[:10]}")
    for line in damaged:
        out.warn(line)
    if not copied + known + len(damaged):
        baseline = arguments.baseline_name
        of = "" if baseline is None else f" of the baseline {baseline!r}"
        raise UsageError(f"{source.describe()} holds no runs{of}: expected one or more")
    runs = "1 run" if copied == 1 else f"{copied} runs"
    there = f"; {known} there already" if known else ""
    skipped = f"; {len(damaged)} could not be used" if damaged else ""
    out.line(f"copied {runs} from {source.describe()} to {target.describe()}{there}{skipped}")
    return USAGE if damaged else FINE
