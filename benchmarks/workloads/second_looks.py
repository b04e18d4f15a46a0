"""A plugin that measures each test twice: after the first time, again in a fresh process.

That is how a suspect is measured again; here every test is treated as one, so that a study has a
second measurement, made a moment after the first, of each.
"""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

_numbers = count()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take where reports go, and how long to wait before each second measurement."""
    parser.addoption("--second-looks", metavar="DIR", type=Path, required=True)
    parser.addoption("--second-looks-pause", metavar="SECONDS", type=float, default=1.0)


class SecondLooks:
    """Starts the fresh processes.

    Args:
        config: of the run whose tests are measured again.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._folder: Path = config.option.second_looks
        self._pause: float = config.option.second_looks_pause
        self._options = [one for one in config.invocation_params.args if "--perf-max" in one]

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Measure the test that has just been measured."""
        time.sleep(self._pause)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", nodeid]
        command += ["--perf-save-baseline", f"--perf-store={self._folder / 'store'}"]
        command += [f"--perf-json={self._folder / f'{next(_numbers)}.json'}", *self._options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def pytest_configure(config: pytest.Config) -> None:
    """Join the run."""
    config.pluginmanager.register(SecondLooks(config))
