"""The one line that tells, while a long measurement runs, that it does."""

from __future__ import annotations

from pytest_perfmon.reporting.cells import cells, clean, shorten
from pytest_perfmon.units import NS_PER_S


def progress_line(
    operation: str, elapsed_ns: int, calls: int, max_ns: int | None, width: int
) -> str:
    """Show a measurement under way: `measuring parse · 1,240 calls · 0.4 of at most 1.0 s`.

    Args:
        operation: its name; shortened in the middle where the line would not fit.
        elapsed_ns: time spent on it.
        calls: calls made.
        max_ns: the cap on that time, None where there is none.
        width: cells that the line fills exactly, so that it overwrites the one before.
    """
    noun = "call" if calls == 1 else "calls"
    cap = "" if max_ns is None else f" of at most {max_ns / NS_PER_S:.1f}"
    facts = f" · {calls:,} {noun} · {elapsed_ns / NS_PER_S:.1f}{cap} s"
    verb = "measuring "
    name = shorten(clean(operation), max(1, width - cells(verb) - cells(facts)))
    line = shorten(verb + name + facts, width)
    return line + " " * (width - cells(line))
