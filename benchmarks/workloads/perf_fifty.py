"""Fifty perf tests, made of the same functions."""

from collections.abc import Callable

import pytest
from table import CASES, FUNCTIONS


@pytest.mark.parametrize(("name", "copy"), CASES)
def test_workload(name: str, copy: int, perf_monitor: Callable[..., object]) -> None:  # noqa: ARG001 - it tells equal cases apart
    """One of fifty cases."""
    perf_monitor(FUNCTIONS[name])
