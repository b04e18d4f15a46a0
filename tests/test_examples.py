"""The examples are projects of their own that work."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


APPS = ("fastapi_app", "flask_app", "django_app")
IGNORED = shutil.ignore_patterns("data", ".*", "__pycache__", "*_app")


def run(folder, *options, **environ):
    """Run pytest in that folder, in a process of its own that knows nothing of this one."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:asyncio", "-p", "no:randomly", *options],
        cwd=folder,
        env={**os.environ, "PYTEST_ADDOPTS": "", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def shop(tmp_path):
    """A copy of the shop, as a reader would take it."""
    return shutil.copytree(EXAMPLES, tmp_path / "shop", ignore=IGNORED)


@pytest.fixture
def app(tmp_path, request):
    """A copy of one of the applications, as a reader would take it."""
    return shutil.copytree(EXAMPLES / request.param, tmp_path / "app", ignore=IGNORED)


each_app = pytest.mark.parametrize("app", APPS, indirect=True)


@pytest.mark.parametrize("without_index", ["", "1"])
def test_a_plain_run_is_green_with_and_without_the_index(shop, without_index):
    """The missing index breaks no answer, so only a performance test can notice it."""
    done = run(shop, SHOP_WITHOUT_INDEX=without_index)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout
    assert "5 perf tests ran once" in done.stdout
    assert not (shop / ".perfmon").exists()


@each_app
def test_a_plain_run_of_an_application_is_green(app):
    """An application's tests pass, and its performance tests run once."""
    done = run(app, "-W", "error")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d perf tests ran once", done.stdout)
    assert not (app / ".perfmon").exists()


@pytest.mark.slow
@each_app
def test_an_application_is_judged_by_the_budgets_that_production_has(app):
    """Each budget is on an operation that the application itself reports, and is checked.

    What a busy machine leaves open is no failure.
    """
    report = app / "report.json"
    done = run(app, "--perf-budgets", f"--perf-json={report}")
    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = [
        verdict
        for test in json.loads(report.read_text(encoding="utf-8"))["tests"]
        for verdict in test["verdicts"]
        if verdict["criterion"] in {"p95", "calls"}
    ]
    assert verdicts
    assert {verdict["outcome"] for verdict in verdicts} <= {"PASSED", "UNDECIDED"}
