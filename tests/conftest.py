"""What the whole suite shares: hypothesis on a busy machine, what loads once, and signals."""

from __future__ import annotations

import contextlib
import os
import signal

import numpy as np  # noqa: F401 - pytester forgets what its runs imported; numpy loads only once
import pytest
from hypothesis import HealthCheck, settings

with contextlib.suppress(ImportError):  # errors of a second psycopg are not those of the first
    import psycopg  # noqa: F401

# a neighbour on the machine slows an example without making it wrong
settings.register_profile("local", deadline=None)
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# a shell makes what it starts in the background deaf to Ctrl-C, and children would inherit that
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def uncovered(monkeypatch):
    """Leave the processes of a study out of coverage, under which they take twice as long."""
    for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(name, raising=False)
