"""A line that moves while a long measurement runs on a terminal."""

from __future__ import annotations

import sys
from typing import Final

import pytest

from pytest_perfmon.reporting.progress import progress_line

_FIRST_NS: Final = 500_000_000
_STEP_NS: Final = 200_000_000


class Progress:
    """Shows, below the line that pytest is writing, what is being measured; cleans up after itself.

    Quiet where the output is not a terminal.
    """

    def __init__(self, config: pytest.Config) -> None:
        reporter = config.pluginmanager.getplugin("terminalreporter")
        self._wanted = bool(reporter and reporter.isatty and config.get_verbosity() >= 0)
        self._config = config
        self._next_ns = _FIRST_NS
        self._shown = False

    def update(self, operation: str, elapsed_ns: int, calls: int, max_ns: int) -> None:
        """Show how far a measurement has come; most calls do nothing."""
        if not self._wanted or elapsed_ns < self._next_ns:
            return
        self._next_ns = elapsed_ns + _STEP_NS
        width = self._config.get_terminal_writer().fullwidth - 1
        start = "\r" if self._shown else "\n\r"
        self._write(start + progress_line(operation, elapsed_ns, calls, max_ns, width))
        self._shown = True

    def blocks(self, blocks: int, decided: int, operations: int, seconds_left: float) -> None:
        """Show how far a comparison has come."""
        if not self._wanted:
            return
        width = self._config.get_terminal_writer().fullwidth - 1
        line = (
            f"block {blocks}: {decided} of {operations} decided, at most {seconds_left:.0f} s left"
        )
        start = "\r" if self._shown else "\n\r"
        self._write(start + line[:width].ljust(width))
        self._shown = True

    def clear(self) -> None:
        """Take the line away and go back to where pytest was writing."""
        self._next_ns = _FIRST_NS
        if self._shown:
            column = self._config.get_terminal_writer().width_of_current_line
            self._write("\r\x1b[K\x1b[1A" + (f"\x1b[{column}C" if column else ""))
            self._shown = False

    def _write(self, text: str) -> None:
        capture = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            sys.stdout.write(text)
            sys.stdout.flush()
