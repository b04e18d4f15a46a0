"""The benchmarks can be run: what the figures of the README were made with does not rot."""

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ERROR_RATES = Path(__file__).parent.parent / "benchmarks" / "error_rates.py"
INSTALLED = any(plugin.name == "perfmon" for plugin in entry_points(group="pytest11"))


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason="the package is not installed here")
def test_study_of_error_rates_keeps_every_run_and_continues(tmp_path):
    """The quick study compares, injects, keeps its raw results and goes on where it ended."""
    results = tmp_path / "results.json"
    command = [sys.executable, str(ERROR_RATES), "--quick", "--mode=aa", "--mode=inject"]
    command += [f"--output={results}", f"--tools={tmp_path / 'tools'}"]

    def modes_after(runs):
        ended = subprocess.run(
            [*command, f"--runs={runs}"], check=False, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        kept = json.loads(results.read_text(encoding="utf-8"))["runs"]
        assert all(len(run["tests"]) == 12 for run in kept)
        assert "### Twelve functions against themselves" in ended.stdout
        assert "### Four functions of twelve changed at once" in ended.stdout
        return [run["mode"] for run in kept]

    assert modes_after(1) == ["aa", "inject"]
    assert modes_after(2) == ["aa", "inject", "aa", "inject"]
