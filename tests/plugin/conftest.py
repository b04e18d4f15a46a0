"""Runs of pytest on test files written here, timed by a clock that only the script moves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pytest_perfmon.plugin.session  # noqa: F401 - loaded once, not anew by every run in here

ROOT = Path(__file__).parents[2]
REPORT = "perf-report.json"


class Project:
    """A directory of test files, and runs of pytest on it that load only the plugins named.

    Attributes:
        pytester: makes the files.
        path: the directory.
    """

    def __init__(self, pytester):
        self.pytester = pytester
        self.path = pytester.path
        self.plugins = ["pytest_perfmon.plugin", "pytest_perfmon.testing"]

    def use(self, *plugins):
        """Have runs load these plugins too, by module name."""
        self.plugins += plugins

    def write(self, source, **others):
        """Write test_it.py, and other modules by name."""
        self.pytester.makepyfile(test_it=source, **others)

    def run(self, *options):
        """Run pytest in this process."""
        return self.pytester.runpytest_inprocess(*self._loading(), *options, no_reraise_ctrlc=True)

    def run_apart(self, *options):
        """Run pytest in a process of its own."""
        return self.pytester.runpytest_subprocess(*self._loading(), *options)

    def measure(self, *options):
        """Run `--perf-budgets` in this process, for `report` to read."""
        return self.run("--perf-budgets", f"--perf-json={REPORT}", *options)

    def parsed(self, *options):
        """Parse a command line and give pytest's configuration, running nothing."""
        return self.pytester.parseconfig(*self._loading(), *options)

    def report(self):
        """Read what the newest run with `--perf-json` wrote."""
        return json.loads((self.path / REPORT).read_text(encoding="utf-8"))

    def operations(self):
        """Give that report's operations by name; for runs in which the names are unique."""
        found = [one for test in self.report()["tests"] for one in test["operations"]]
        assert len(found) == len({one["operation"] for one in found})
        return {one["operation"]: one for one in found}

    def verdicts(self):
        """Give that report's verdicts, in order."""
        return [one for test in self.report()["tests"] for one in test["verdicts"]]

    def said(self, name):
        """Give the lines that the tests have appended to the file of that name."""
        path = self.path / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def _loading(self):
        return [part for plugin in self.plugins for part in ("-p", plugin)]


@pytest.fixture
def project(pytester, monkeypatch):
    """An empty project whose runs see this package and no installed plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("PYTEST_ADDOPTS", "GITHUB_ACTIONS", "CI"):
        monkeypatch.delenv(name, raising=False)
    return Project(pytester)
