"""Where a command writes: colours, widths and progress as the reader's side allows."""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from typing import Final, TextIO

from pytest_perfmon.reporting.cells import cells, clean, shorten

RED: Final = "1;31"
GREEN: Final = "32"
BOLD: Final = "1"
UNENCODABLE: Final = "backslashreplace"
"""What becomes of lone surrogates, which names of tests may hold, in files."""

_NARROWEST: Final = 40
_QUIET_S: Final = 0.5
_STEP_S: Final = 0.1


class Output:
    """The two streams of a command.

    Colours only on a terminal, and not where `NO_COLOR` is set or `TERM` is `dumb`. Progress only
    where the errors' stream is a terminal, from half a second on, and gone when the work is done.

    Attributes:
        width: cells of a terminal's line, 40 or more; None where the output goes elsewhere and
            nothing needs to be shortened.
    """

    def __init__(self, out: TextIO, err: TextIO, environ: Mapping[str, str] = os.environ) -> None:
        for stream in (out, err):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a sparkline must not end in a traceback
        self._out = out
        self._err = err
        terminal = out.isatty()
        plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
        self._colours = terminal and not plain
        self._moving = err.isatty() and environ.get("TERM") != "dumb"
        self._started_s = self._shown_s = time.monotonic()
        self._progress_width = 0
        columns = shutil.get_terminal_size().columns
        self.width = max(_NARROWEST, columns) if terminal else None

    def styled(self, text: str, style: str) -> str:
        """Give the text in that style, or as it is where there are no colours."""
        return f"\x1b[{style}m{text}\x1b[0m" if self._colours and text else text

    def line(self, text: str = "") -> None:
        """Write a line of the result."""
        self.clear_progress()
        self._out.write(text + "\n")

    def document(self, texts: Iterable[str]) -> None:
        """Write a file's text, as it would be in the file: in UTF-8, with bare line ends."""
        if isinstance(self._out, io.TextIOWrapper):
            self._out.reconfigure(encoding="utf-8", errors=UNENCODABLE, newline="\n")
        for text in texts:
            self.clear_progress()
            self._out.write(text)

    def warn(self, text: str) -> None:
        """Write a line about the work, beside the result; no name in it moves the cursor."""
        self.clear_progress()
        self._err.write(clean(text) + "\n")

    def progress(self, text: str) -> None:
        """Show how far the work has come; cheap enough to be called at every step."""
        now_s = time.monotonic()
        if not self._moving or now_s - self._started_s < _QUIET_S:
            return
        if self._progress_width and now_s - self._shown_s < _STEP_S:
            return
        self._shown_s = now_s
        shown = shorten(clean(text), shutil.get_terminal_size().columns - 1)
        self._err.write("\r" + shown + " " * (self._progress_width - cells(shown)))
        self._err.flush()
        self._progress_width = cells(shown)

    def clear_progress(self) -> None:
        """Take the line of progress away."""
        if self._progress_width:
            self._err.write("\r" + " " * self._progress_width + "\r")
            self._err.flush()
            self._progress_width = 0

    def flush(self) -> None:
        """Hand over what was written, so that a reader who went away is noticed in time."""
        self.clear_progress()
        self._out.flush()
