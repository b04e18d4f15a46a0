"""The program of a child: what runs at its end, and what it leaves out."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CONFTEST = """
import atexit
import logging
import threading
import time
from pathlib import Path

def late():
    time.sleep(0.2)
    Path("thread").touch()

class TakenApart:
    def __del__(self):
        Path("taken apart").touch()

kept = TakenApart()
kept.itself = kept

def pytest_unconfigure():
    atexit.register(Path("atexit").touch)
    threading.Thread(target=late).start()
    print("the last words", end="")
"""


@pytest.mark.parametrize(("condition", "code"), [("True", 0), ("False", 1)])
def test_a_child_ends_with_its_code_after_threads_and_exit_handlers(tmp_path, condition, code):
    """Threads are joined, what `atexit` was given runs, output is flushed, modules are left."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_one.py").write_text(f"def test_one():\n    assert {condition}\n")
    child = subprocess.run(
        [sys.executable, "-m", "pytest_perfmon.plugin.child_main", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert child.returncode == code
    assert child.stdout.endswith("the last words")
    left = {path.name for path in tmp_path.iterdir()}
    assert {"atexit", "thread"} < left
    assert "taken apart" not in left
