"""The study of change points can be run, and its results make a section of the page of figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.slow
@pytest.mark.usefixtures("uncovered")
def test_the_quick_study_keeps_its_results(tmp_path):
    """It simulates every kind of series and says that Otava was not asked."""
    output = tmp_path / "change_points.json"
    command = [sys.executable, str(BENCHMARKS / "change_points_study.py"), "--quick"]
    ended = subprocess.run(
        [*command, f"--output={output}"], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    data = json.loads(output.read_text(encoding="utf-8"))
    assert {one["otava"] for one in (*data["noise"], *data["steps"])} == {None}
    assert all(one["ours"] >= 0.5 for one in data["steps"])
    assert sum(one["ours"] for one in data["noise"]) / len(data["noise"]) <= 0.2
    assert data["suite"]["operations"] >= 100


def test_the_page_of_figures_has_the_study(monkeypatch):
    """The kept results are shown with both tools side by side."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import figures

    text = "\n".join(figures.change_points())
    assert "Otava found" in text
    assert "| 200 |" in text
