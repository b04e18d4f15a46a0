"""Names of baselines and of run files, safe on every file system."""

from __future__ import annotations

import re
from typing import Final

from pytest_perfmon.errors import UsageError

_NAME: Final = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def is_baseline_name(name: str) -> bool:
    """Say whether a baseline can have that name; devices of Windows, such as `nul`, cannot."""
    return _NAME.fullmatch(name) is not None and _DEVICE.fullmatch(name) is None


def check_baseline_name(name: str) -> str:
    """Give the name back.

    Raises:
        UsageError: no baseline can have that name.
    """
    if not is_baseline_name(name):
        raise UsageError(
            f"--perf-baseline-name is {name!r}: expected at most 100 ASCII letters, digits,"
            " '.', '_' and '-', without a dot at either end, and no device name of Windows"
        )
    return name


def run_file_name(time: str, run_id: str) -> str:
    """Name the file of a run, such as `20261124T104812.123456Z-0123456789ab.json`; sorts by time.

    Args:
        time: as in `Run.time`.
        run_id: as in `Run.id`.
    """
    compact = time.removesuffix("+00:00").replace("-", "").replace(":", "")
    return f"{compact}Z-{run_id}.json"
