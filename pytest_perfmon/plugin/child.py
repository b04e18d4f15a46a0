"""Child processes: what one is for, and the child's side of a second look at one test."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_perfmon.duet.channel import VARIABLE, Channel, ChannelClosedError, call_parent
from pytest_perfmon.duet.processes import last_line
from pytest_perfmon.measure.clock import SystemClock
from pytest_perfmon.model.codec import from_plain
from pytest_perfmon.testing import CLOCK_KEY

if TYPE_CHECKING:
    from pytest_perfmon.plugin.duet_worker import DuetWorker

NAME = "perfmon-child"
DUET_NAME = "perfmon-duet-worker"


@dataclass(frozen=True, slots=True)
class Job:
    """What the parent asks for.

    Attributes:
        nodeid: the test.
        criteria: how many budget criteria share alpha.
        early_stop: whether a measurement may end as soon as its budgets are decided.
    """

    nodeid: str
    criteria: int
    early_stop: bool


class Child:
    """The hooks that turn a pytest process into a child.

    Attributes:
        job: what the parent asks for.
    """

    def __init__(self, channel: Channel, job: Job) -> None:
        self._channel = channel
        self._why = "it did not run there"
        self.job = job

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the test that was asked for."""
        items[:] = [item for item in items if item.nodeid == self.job.nodeid]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Send what the test gave, at its end; a body that ran through counts, xfail or not."""
        if hasattr(report, "perfmon"):
            self._send({"result": report.perfmon})
        elif report.failed or report.skipped:
            exclusive = "needs exclusive fixtures: " if report.when == "setup" else ""
            last = last_line(str(report.longrepr)) or "without a word"
            self._why = f"{exclusive}its {report.when} {report.outcome} there: {last}"

    def pytest_sessionfinish(self) -> None:
        """Say good-bye; the parent reads no further than a result."""
        self._send({"ended": self._why})
        self._channel.close()

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(ChannelClosedError):
            self._channel.send(message)


class WorkerName:
    """Tells fixtures, as pytest-xdist would, that this process is one of several.

    The fixture `worker_id`, and plugins that name a test database after the worker, read
    `config.workerinput`. It comes after the other plugins' `pytest_configure` and is gone before
    their `pytest_unconfigure`, because there they look for what only an xdist controller gives.
    """

    def __init__(self, config: pytest.Config, name: str) -> None:
        vars(config)["workerinput"] = {
            "workerid": name,
            "workercount": 1,
            "testrunuid": uuid.uuid4().hex,
            "mainargv": sys.argv,
        }

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Take the name away."""
        del vars(config)["workerinput"]


def become_child(config: pytest.Config) -> None:
    """Call the parent and take its job.

    Raises:
        pytest.UsageError: where the parent is gone.
    """
    try:
        channel = call_parent(os.environ.pop(VARIABLE))
        config.pluginmanager.register(WorkerName(config, os.environ["PYTEST_XDIST_WORKER"]))
        if os.environ.pop("PERFMON_DUET", None):
            from pytest_perfmon.plugin.duet_worker import DuetWorker  # noqa: PLC0415 - workers only

            clock = config.stash.get(CLOCK_KEY, None) or SystemClock.measured()
            config.pluginmanager.register(DuetWorker(channel, clock), DUET_NAME)
            return
        job = from_plain(Job, channel.receive())
    except (ChannelClosedError, TypeError) as error:
        raise pytest.UsageError(f"{VARIABLE} is set, but {error}: expected a parent") from None
    config.pluginmanager.register(Child(channel, job), NAME)


def duet_worker_of(config: pytest.Config) -> DuetWorker | None:
    """Give the worker where this process is one side of an A/B."""
    worker: DuetWorker | None = config.pluginmanager.getplugin(DUET_NAME)
    return worker


def job_of(config: pytest.Config) -> Job | None:
    """Give the job where this process is a child."""
    child: Child | None = config.pluginmanager.getplugin(NAME)
    return child.job if child is not None else None
