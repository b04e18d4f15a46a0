"""The options that name a store and a baseline, shared by commands that work on stored runs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

from pytest_perfmon.storage.base import RunStore, open_store
from pytest_perfmon.storage.names import check_baseline_name

STORE: Final = ".perfmon"
BASELINE_NAME: Final = "default"


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Add `--store` and `--baseline-name`, which go by the variables that pytest runs go by."""
    parser.add_argument(
        "--store",
        metavar="URL",
        default=os.environ.get("PERFMON_STORE") or STORE,
        help=f"where runs are kept: a directory or a URL ($PERFMON_STORE, else {STORE})",
    )
    parser.add_argument(
        "--baseline-name",
        metavar="NAME",
        default=os.environ.get("PERFMON_BASELINE_NAME") or BASELINE_NAME,
        help=f"which baseline ($PERFMON_BASELINE_NAME, else {BASELINE_NAME})",
    )


def chosen_store(arguments: argparse.Namespace) -> RunStore:
    """Open the store that was named, relative to the working directory.

    Raises:
        UsageError: no such store, or an impossible name of a baseline.
    """
    check_baseline_name(arguments.baseline_name)
    return open_store(arguments.store, Path.cwd())
