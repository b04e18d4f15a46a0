"""Beside pytest-xdist: workers know how the user called, and measure one at a time."""

from __future__ import annotations

from collections.abc import Collection, Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_perfmon.duet.slots import private_slot
from pytest_perfmon.plugin.machine_lock import MachineLock
from pytest_perfmon.plugin.options import call_of

CALL = "perfmon_call"
_LOCKS = "perfmon_locks"


class Controller:
    """Hooks of the process that hands out tests to workers, in measuring modes.

    Raises:
        pytest.UsageError: there is no place for the machine's lock.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        try:
            self._slot = private_slot()
        except OSError as error:
            raise pytest.UsageError(
                f"the workers' lock has no place for its files: {error}; TMPDIR names another"
            ) from None

    def pytest_configure_node(self, node: Any) -> None:
        """Tell a new worker how the user called, and where the machine's lock is."""
        node.workerinput[CALL] = call_of(self._config)
        node.workerinput[_LOCKS] = str(self._slot.directory)

    def pytest_unconfigure(self) -> None:
        """Remove the lock."""
        self._slot.leave()


class Turns:
    """Hooks of a worker: a measuring test has the machine to itself, the others share it."""

    def __init__(self, lock: MachineLock, measuring: Collection[pytest.Item]) -> None:
        self._lock = lock
        self._measuring = measuring

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Wait for the test's turn, setup and teardown included."""
        with self._lock.alone() if item in self._measuring else self._lock.shared():
            return (yield)


def turns_of(config: pytest.Config, measuring: Collection[pytest.Item]) -> Turns | None:
    """Give the hooks of this process, None where it is not a worker among others."""
    directory = getattr(config, "workerinput", {}).get(_LOCKS)
    return None if directory is None else Turns(MachineLock(Path(directory)), measuring)
