"""The command line: what can be done with results without running tests."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from pytest_perfmon.cli import compare, copy, export, history, import_runs, prune, replay, show
from pytest_perfmon.cli.exit_codes import FINE, INTERRUPTED, USAGE
from pytest_perfmon.cli.output import Output
from pytest_perfmon.errors import UsageError


class Command(Protocol):
    """What a module of a command holds."""

    @property
    def SUMMARY(self) -> str:  # noqa: N802 - a constant of the module
        """What it does, in a line."""

    @property
    def EXAMPLES(self) -> str:  # noqa: N802 - a constant of the module
        """Command lines to copy, one a line, without the `python -m pytest_perfmon`."""

    def add_arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Describe its arguments."""

    def run(self, arguments: argparse.Namespace, out: Output, /) -> int:
        """Do it, and give one of the numbers of `exit_codes`."""


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "history": history,
        "compare": compare,
        "show": show,
        "prune": prune,
        "copy": copy,
        "import": import_runs,
        "export": export,
        "replay": replay,
    }
)
"""By the name that is typed, in the order of the help."""

_PROGRAM: Final = "python -m pytest_perfmon"
_ENDINGS: Final = """\
exit codes: 0 fine, 1 an operation degraded (--fail-on-degradation) or a replay differs,
2 interrupted, 4 a bad command line, file or store
"""


def main(arguments: Sequence[str]) -> int:
    """Run a command.

    Returns:
        One of the numbers of `exit_codes`. Bad input never ends in a traceback.
    """
    out = Output(sys.stdout, sys.stderr)
    try:
        ended = _run(arguments, out)
        out.flush()
    except KeyboardInterrupt:
        out.warn("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return INTERRUPTED
    except OSError as error:
        _drop_output()
        out.warn(f"error: {error.filename or 'the output'}: {error.strerror or error}")
        return USAGE
    return ended


def _run(arguments: Sequence[str], out: Output) -> int:
    try:
        chosen = make_parser().parse_args(arguments)
    except SystemExit as help_or_mistake:
        return USAGE if help_or_mistake.code else FINE
    try:
        return COMMANDS[chosen.command].run(chosen, out)
    except UsageError as error:
        store = "SRC or DST" if chosen.command == "copy" else "--store"
        out.warn(f"error: {_in_our_words(str(error), store)}")
        return USAGE


def make_parser() -> argparse.ArgumentParser:
    """Describe the whole command line; tools that write shell completions ask for this."""
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Work with the results of pytest-perfmon.",
        epilog=_epilog("\n".join(one.EXAMPLES.splitlines()[0] for one in COMMANDS.values()))
        + "\n"
        + _ENDINGS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        one = commands.add_parser(
            name,
            help=command.SUMMARY,
            description=command.SUMMARY[0].upper() + command.SUMMARY[1:] + ".",
            epilog=_epilog(command.EXAMPLES),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(one)
    return parser


def _epilog(examples: str) -> str:
    lines = (f"  {_PROGRAM} {line}\n" for line in examples.splitlines())
    return "examples:\n" + "".join(lines)


def _in_our_words(text: str, store: str) -> str:
    """Name the options as they are called here; the parts below know those of pytest."""
    for place in ("--perf-store=URL", "--perf-store"):
        text = text.replace(place, store)
    return text.replace("--perf-baseline-name", "--baseline-name")


def _drop_output() -> None:
    """Send what is still buffered nowhere, so that the interpreter's last flush cannot fail."""
    with suppress(io.UnsupportedOperation), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
