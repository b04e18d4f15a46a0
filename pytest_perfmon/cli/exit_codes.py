"""How a command ends; the numbers are pytest's."""

from __future__ import annotations

from typing import Final

FINE: Final = 0
FAILED: Final = 1
"""What was asked for is not so: an operation degraded, a replayed decision differs."""

INTERRUPTED: Final = 2
"""By Ctrl-C, or because nobody reads the output any more; nothing was decided."""

USAGE: Final = 4
"""A bad command line, file or store."""
