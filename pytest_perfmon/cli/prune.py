"""`prune`: take old runs out of a store."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from pytest_perfmon.cli.arguments import age, whole_number
from pytest_perfmon.cli.exit_codes import FINE
from pytest_perfmon.cli.output import Output
from pytest_perfmon.cli.runs import one_line, read_runs
from pytest_perfmon.cli.stores import add_store_options, chosen_store
from pytest_perfmon.errors import UsageError
from pytest_perfmon.model.run import Run
from pytest_perfmon.reporting.cells import clean
from pytest_perfmon.storage.base import RunStore

SUMMARY: Final = "take old runs out of a baseline; without --yes, only say which"
EXAMPLES: Final = """\
prune --keep=50
prune --keep=50 --older-than=180d --yes
prune --branch='feature/*' --older-than=4w --yes"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask which runs; each further condition takes out fewer."""
    add_store_options(parser)
    parser.add_argument(
        "--keep",
        metavar="N",
        type=whole_number,
        help="runs that are not among the newest N of any of their operations",
    )
    parser.add_argument(
        "--older-than", metavar="AGE", type=age, help="runs of before then: 90d, 12w"
    )
    parser.add_argument("--branch", metavar="PATTERN", help="runs on these branches: 'feature/*'")
    parser.add_argument("--yes", action="store_true", help="do it")


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Remove runs that meet every condition, or say which would go.

    The newest run of a baseline in each environment always stays, and so does the newest value of
    every operation that `--keep` counts.
    """
    if arguments.keep is None and arguments.older_than is None and arguments.branch is None:
        raise UsageError("nothing says which runs: expected --keep, --older-than or --branch")
    store = chosen_store(arguments)
    total, chosen = _chosen(store, arguments, out)
    # oldest first, so that a prune that is interrupted leaves no gap
    for number, one in enumerate(reversed(chosen), start=1):
        if arguments.yes:
            store.remove(one)
            out.progress(f"removed {number:,} of {len(chosen):,} runs")
        out.line(clean(f"{'removed' if arguments.yes else 'would remove'}  {one_line(one)}"))
    said = f"{len(chosen):,} of {total:,} runs of {arguments.baseline_name!r}"
    if arguments.yes:
        out.line(f"removed {said}")
    else:
        out.line(f"would remove {said}; nothing was removed: --yes does it")
    return FINE


def _chosen(store: RunStore, arguments: argparse.Namespace, out: Output) -> tuple[int, list[Run]]:
    """Count all runs and give those to remove, newest first, without their results."""
    decided = list(_decisions(read_runs(store, arguments.baseline_name, out), arguments))
    return len(decided), [one for one, goes in decided if goes]


def _decisions(
    newest_first: Iterator[Run], arguments: argparse.Namespace
) -> Iterator[tuple[Run, bool]]:
    counted: Counter[tuple[str, str, str]] = Counter()
    environments: set[str] = set()
    now = datetime.now(UTC)
    for one in newest_first:
        environment = one.environment.fingerprint
        goes = environment in environments
        environments.add(environment)
        if arguments.keep is not None:
            keys = [(environment, *key) for key in one.results]
            counted.update(keys)
            goes = goes and all(counted[key] > arguments.keep for key in keys)
        if arguments.older_than is not None:
            goes = goes and now - datetime.fromisoformat(one.time) > arguments.older_than
        if arguments.branch is not None:
            goes = goes and fnmatchcase(one.commit.branch, arguments.branch)
        yield replace(one, results={}), goes
