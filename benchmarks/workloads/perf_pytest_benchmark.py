"""Twelve of the functions as pytest-benchmark measures them."""

from collections.abc import Callable

import pytest
from table import FUNCTIONS, TWELVE


@pytest.mark.parametrize("name", TWELVE)
def test_workload(name: str, benchmark: Callable[..., object]) -> None:
    """One function of the table."""
    benchmark(FUNCTIONS[name])
