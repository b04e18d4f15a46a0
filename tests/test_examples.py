"""The example is a project of its own that works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def shop(tmp_path):
    """A copy of the example, as a reader would take it."""
    ignored = shutil.ignore_patterns("data", ".*", "__pycache__")
    return shutil.copytree(EXAMPLES, tmp_path / "shop", ignore=ignored)


@pytest.mark.parametrize("without_index", ["", "1"])
def test_a_plain_run_is_green_with_and_without_the_index(shop, without_index):
    """The missing index breaks no answer, so only a performance test can notice it."""
    options = ["-p", "no:asyncio", "-p", "no:randomly"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=shop,
        env={**os.environ, "PYTEST_ADDOPTS": "", "SHOP_WITHOUT_INDEX": without_index},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout
    assert "5 perf tests ran once" in done.stdout
    assert not (shop / ".perfmon").exists()
