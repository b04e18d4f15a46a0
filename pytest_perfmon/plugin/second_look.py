"""The parent's side of a second look: measure one test again in a fresh process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import pytest

from pytest_perfmon.duet.channel import ChannelClosedError
from pytest_perfmon.duet.launcher import Invocation, LaunchError, launch
from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.model.codec import from_plain, to_plain
from pytest_perfmon.model.verdict import TestResult
from pytest_perfmon.plugin.child import Job

INTERRUPTED: Final = "Ctrl-C came first"
PAUSE_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 300.0
_WORKER_NAME: Final = "gw90"  # of the form that fixtures which count workers can read


def end_after_this_test(session: pytest.Session) -> None:
    """Let Ctrl-C in a second look end the run once this test has its verdict, with exit code 2."""
    session.shouldstop = "Ctrl-C in a second look"


def measure_again(
    session: pytest.Session, invocation: Invocation, clock: Clock, path: Path, job: Job
) -> TestResult | str:
    """Wait a moment, then measure the test in a fresh process.

    What disturbed the first measurement has had time to pass; what a process draws at its start
    (hash seed, memory layout) is drawn anew. Fixtures live twice meanwhile, which those that ask
    for pytest-xdist's `worker_id` know how to do.

    Returns:
        What the process found; a text says why there is nothing.
    """
    if session.shouldstop:
        return INTERRUPTED
    try:
        clock.pause(PAUSE_SECONDS)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with launch(
            invocation, [path], environment={"PYTEST_XDIST_WORKER": _WORKER_NAME}
        ) as channel:
            channel.send(to_plain(job))
            message = channel.receive(deadline)
    except KeyboardInterrupt:
        end_after_this_test(session)
        return INTERRUPTED
    except LaunchError as error:
        return str(error)
    except ChannelClosedError as error:
        return f"the fresh process did not answer: {error}"
    if "result" in message:
        return from_plain(TestResult, message["result"])
    return str(message.get("ended"))
