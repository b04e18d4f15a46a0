"""For tests of code that is measured: a clock that moves only when it is told to.

Load it with `-p pytest_perfmon.testing` and the whole plugin reads `perf_clock`, so that
figures, verdicts and exit codes follow from a script and not from the machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

import pytest

from pytest_perfmon.errors import UsageError
from pytest_perfmon.units import parse_cap_ns


@dataclass(slots=True)
class FakeClock:
    """A clock with a precision of 1 ns and no overhead, which stands still between advances."""

    time_ns: int = 0
    precision_ns: int = field(default=1, init=False)
    overhead_ns: int = field(default=0, init=False)

    def now_ns(self) -> int:
        """Read the clock."""
        return self.time_ns

    def pause(self, seconds: float) -> None:
        """Let so many seconds pass, at once."""
        self.advance(round(seconds * 1e9))

    def advance(self, by: int | str) -> None:
        """Let time pass: nanoseconds, or a text such as `"5ms"`.

        Raises:
            UsageError: a text without a unit, or a negative number.
        """
        self.time_ns += duration_ns(by)


def duration_ns(value: int | str) -> int:
    """Read one duration of a script: nanoseconds, or a text such as `"5ms"`.

    Raises:
        UsageError: a text without a unit, or a negative number.
    """
    if isinstance(value, str):
        return parse_cap_ns(value, "a scripted duration")
    if value < 0:
        raise UsageError(f"a scripted duration is {value!r}: expected 0 ns or more")
    return value


class ScriptedCall:
    """A function that takes as long as its script says, round and round.

    The script is a pattern, repeated from its start: with nineteen times `"5ms"` and one
    `"60ms"`, every twentieth call is the slow one, however many calls a warm-up takes.

    Attributes:
        calls: how often it was called.
    """

    def __init__(self, clock: FakeClock, durations: Sequence[int | str]) -> None:
        """Write the script.

        Raises:
            UsageError: an empty script, or a bad duration in it.
        """
        if not durations:
            raise UsageError("the script has no durations: expected at least one")
        self.calls = 0
        self._clock = clock
        self._durations = cycle([duration_ns(value) for value in durations])

    def __call__(self, *_args: object, **_kwargs: object) -> int:
        """Let the next duration pass; gives the number of this call, from 1."""
        self.calls += 1
        self._clock.advance(next(self._durations))
        return self.calls


class ScriptedRounds:
    """A body of several operations, each taking as long as its own script says.

    Inside the body, `rounds("db.query")` is that operation's work.
    """

    def __init__(self, clock: FakeClock, scripts: Mapping[str, Sequence[int | str]]) -> None:
        """Write the scripts, by operation.

        Raises:
            UsageError: an empty script, or a bad duration in one.
        """
        self._calls = {name: ScriptedCall(clock, script) for name, script in scripts.items()}

    def __call__(self, operation: str) -> int:
        """Let the operation's next duration pass; gives the number of this call, from 1.

        Raises:
            UsageError: an operation without a script.
        """
        if operation not in self._calls:
            raise UsageError(
                f"no script for {operation!r}: expected one of {', '.join(self._calls)}"
            )
        return self._calls[operation]()


CLOCK_KEY: Final = pytest.StashKey[FakeClock]()
"""Where the plugin finds the clock that a test run is to use."""


def pytest_configure(config: pytest.Config) -> None:
    """Give the run its clock."""
    config.stash[CLOCK_KEY] = FakeClock()


@pytest.fixture
def perf_clock(pytestconfig: pytest.Config) -> FakeClock:
    """The clock that everything in this run is measured with."""
    return pytestconfig.stash[CLOCK_KEY]
