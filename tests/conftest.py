"""What the whole suite shares: how hypothesis works on a busy machine, and what loads once."""

from __future__ import annotations

import contextlib
import os

import numpy as np  # noqa: F401 - pytester forgets what its runs imported; numpy loads only once
from hypothesis import HealthCheck, settings

with contextlib.suppress(ImportError):  # errors of a second psycopg are not those of the first
    import psycopg  # noqa: F401

# a neighbour on the machine slows an example without making it wrong
settings.register_profile("local", deadline=None)
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "local")
