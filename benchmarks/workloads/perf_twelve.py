"""Twelve of the functions as perf tests of this project."""

from collections.abc import Callable

import pytest
from table import FUNCTIONS, TWELVE


@pytest.mark.parametrize("name", TWELVE)
def test_workload(name: str, perf_monitor: Callable[..., object]) -> None:
    """One function of the table."""
    perf_monitor(FUNCTIONS[name])
