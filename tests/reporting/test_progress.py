"""The line shown while a measurement runs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.reporting.cells import cells
from pytest_perfmon.reporting.progress import progress_line


def test_the_line_tells_calls_time_and_cap():
    """Padded to the width, so that it covers the line before."""
    line = progress_line("parse", 420_000_000, 1_240, 1_000_000_000, 60)
    assert line == "measuring parse · 1,240 calls · 0.4 of at most 1.0 s".ljust(60)


def test_without_a_cap_none_is_told():
    """A fixed number of rounds has no time limit."""
    assert progress_line("parse", 0, 1, None, 40).rstrip() == "measuring parse · 1 call · 0.0 s"


@given(st.text(), st.integers(0, 10**13), st.integers(0, 10**9), st.integers(1, 120))
def test_the_line_is_exactly_as_wide_as_asked(operation, elapsed_ns, calls, width):
    """For any name, also in a narrow terminal."""
    line = progress_line(operation, elapsed_ns, calls, 10**9, width)
    assert cells(line) == width
    assert line.isprintable()
