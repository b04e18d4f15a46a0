"""The benchmark of web middleware can be run: what its figures were made with does not rot."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "web_overhead.py"


@pytest.mark.slow
@pytest.mark.usefixtures("uncovered")
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_every_case_is_served_and_compared_with_the_bare_one(tmp_path):
    """The quick form loads both servers, bare and with ours, and keeps what each did."""
    results = tmp_path / "results.json"
    subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", f"--json={results}"],
        capture_output=True,
        check=True,
    )
    kept = json.loads(results.read_text(encoding="utf-8"))
    assert list(kept["figures"]) == list(kept["raw"])
    cases = ["uvicorn bare", "uvicorn perfmon", "gunicorn bare", "gunicorn perfmon"]
    assert list(kept["figures"]) == cases
    assert all(one["requests_per_second"] > 0 for one in kept["figures"].values())
    assert kept["figures"]["uvicorn bare"]["added_cpu_us"] == 0
    assert all(one["cpu_us_per_request"] > 0 for one in kept["figures"].values())
