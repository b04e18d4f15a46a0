"""The command line: what can be done with results without running tests."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pytest_perfmon.cli.replay import replay_file
from pytest_perfmon.errors import UsageError

FINE: Final = 0
DIFFERS: Final = 1
USAGE: Final = 2

_EXAMPLES: Final = """\
examples:
  pytest --perf-against=main --perf-json=run.json
  python -m pytest_perfmon replay run.json
"""


def main(arguments: Sequence[str]) -> int:
    """Run a command.

    Returns:
        0 where all is well, 1 where a replayed decision differs, 2 for a bad command or file.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pytest_perfmon",
        description="Work with the results of pytest-perfmon.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    replay = commands.add_parser(
        "replay", help="decide the comparisons of a --perf-json file again, from their blocks"
    )
    replay.add_argument("file", type=Path, metavar="FILE", help="what --perf-json wrote")
    try:
        chosen = parser.parse_args(arguments)
    except SystemExit as ended:
        return USAGE if ended.code else FINE
    try:
        agrees = replay_file(chosen.file, sys.stdout)
    except UsageError as error:
        sys.stderr.write(f"error: {error}\n")
        return USAGE
    return FINE if agrees else DIFFERS
