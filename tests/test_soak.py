"""The soak can be run, and what it promises holds in a few seconds too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[1] / "benchmarks" / "soak.py"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory from /proc")
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed here")
def test_a_server_under_load_loses_no_request_and_no_count(tmp_path):
    """More names than the cap, and a backend that dies and comes back: every count is exact."""
    output = tmp_path / "soak.json"
    command = [sys.executable, str(SOAK), "--quick", f"--output={output}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(output.read_text(encoding="utf-8"))
    for server in ("bare", "monitored"):
        assert result["servers"][server]["requests"] > 0
        assert result["servers"][server]["failed"] == 0
    assert result["counted_as_other"] > 0
    assert [counts["calls_missing"] for counts in result["exporters"].values()] == [0, 0, 0]
