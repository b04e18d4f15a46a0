"""Saving runs and being judged by them."""

from __future__ import annotations

import json

import pytest

ONE = """
    import os
    from pytest_perfmon.testing import ScriptedCall

    def test_it(perf_monitor, perf_clock):
        base = int(os.environ.get("WORK_US", "5000"))
        perf_monitor(ScriptedCall(perf_clock, [base * 1000, base * 1010]))
"""


def saved(project):
    """Give the files of the store."""
    return sorted((project.path / ".perfmon").rglob("*.json"))


def save(project, monkeypatch, *work_us):
    """Save one run for each duration of the work."""
    for one in work_us:
        monkeypatch.setenv("WORK_US", str(one))
        result = project.run("--perf-save-baseline")
        assert result.ret == 0, result.stdout.str()


def baseline_verdict(project):
    """Give the verdict by stored runs."""
    (verdict,) = [one for one in project.verdicts() if one["criterion"] == "baseline"]
    return verdict


def test_a_saved_run_says_where_it_is(project, monkeypatch):
    """Each save appends one file, and the summary names it and the baseline."""
    project.write(ONE)
    save(project, monkeypatch, 5000)
    result = project.run("--perf-save-baseline", "--perf-baseline-name=nightly")
    result.stdout.fnmatch_lines(["*saved 1 operation to the baseline 'nightly':*", "*.json"])
    assert sorted(path.parent.name for path in saved(project)) == ["default", "nightly"]


def test_without_a_baseline_it_is_not_checked(project):
    """No stored run: listed with the option that makes one, and red under --perf-strict."""
    project.write(ONE)
    result = project.measure()
    assert result.ret == 0
    assert baseline_verdict(project)["outcome"] == "NOT CHECKED"
    result.stdout.fnmatch_lines(["*no baseline 'default' in*"])
    assert project.measure("--perf-strict").ret == 1


def test_three_runs_convict_a_slowdown(project, monkeypatch):
    """Far beyond three stored runs, twice: REGRESSED, with interval and what could be seen."""
    project.write(ONE)
    save(project, monkeypatch, 5000, 5040, 4970)
    monkeypatch.setenv("WORK_US", "6500")
    result = project.measure()
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["test_it REGRESSED +*% [[]+*, +*] · 3 stored runs · could see >= *%*"]
    )
    verdict = baseline_verdict(project)
    assert verdict["comparison"]["change"] == "REGRESSED"
    assert any("measured again in a fresh process" in one for one in verdict["details"])


def test_the_same_code_is_unchanged(project, monkeypatch):
    """A run within the spread of the stored ones passes as UNCHANGED."""
    project.write(ONE)
    save(project, monkeypatch, 5000, 5040, 4970)
    monkeypatch.setenv("WORK_US", "5010")
    assert project.measure().ret == 0
    assert baseline_verdict(project)["comparison"]["change"] == "UNCHANGED"


def test_a_speed_up_is_improved(project, monkeypatch):
    """A run far below the stored ones is IMPROVED, and passes."""
    project.write(ONE)
    save(project, monkeypatch, 5000, 5040, 4970)
    monkeypatch.setenv("WORK_US", "3000")
    result = project.measure()
    assert result.ret == 0
    assert baseline_verdict(project)["comparison"]["change"] == "IMPROVED"
    result.stdout.fnmatch_lines(["*IMPROVED*"])


@pytest.mark.parametrize(("mark", "code"), [("20%", 1), ("50%", 0)])
def test_max_regression_sets_how_much_is_red(project, monkeypatch, mark, code):
    """A slowdown of 30 % is red beyond a limit of 20 %, and not beyond one of 50 %."""
    project.write(
        ONE.replace(
            "def test_it",
            f'import pytest\n    @pytest.mark.budget(max_regression="{mark}")\n    def test_it',
        )
    )
    save(project, monkeypatch, 5000, 5040, 4970)
    monkeypatch.setenv("WORK_US", "6500")
    assert project.measure().ret == code


def test_one_stored_run_convicts_beyond_twice_only(project, monkeypatch):
    """With one run behind it, 2.2x is red and says how little is behind it; 1.5x is not checked."""
    project.write(ONE)
    save(project, monkeypatch, 5000)
    monkeypatch.setenv("WORK_US", "11000")
    result = project.measure()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["test_it REGRESSED +1*% · only 1 stored run behind it"])
    monkeypatch.setenv("WORK_US", "7500")
    assert project.measure().ret == 0
    assert baseline_verdict(project)["outcome"] == "NOT CHECKED"
    assert "3 are needed" in baseline_verdict(project)["headline"]


def test_a_suspect_that_is_not_confirmed_is_undecided(project, monkeypatch):
    """Slow here and as ever in a fresh process: no red, but said."""
    project.write(
        ONE.replace('"5000"))', '"5000")) * (1 if "PYTEST_XDIST_WORKER" in os.environ else 2)')
    )
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "saving")
    save(project, monkeypatch, 5000, 5040, 4970)
    monkeypatch.delenv("PYTEST_XDIST_WORKER")
    result = project.measure()
    assert result.ret == 0
    verdict = baseline_verdict(project)
    assert verdict["outcome"] == "UNDECIDED"
    assert "in a fresh process" in verdict["reason"]


def test_another_machines_runs_are_not_checked(project, monkeypatch):
    """Runs whose environment differs are not compared with, and the differing fields are named."""
    project.pytester.makeconftest(
        """
        import os

        def pytest_perfmon_environment(config):
            return {"database": os.environ.get("DATABASE", "15")}
        """
    )
    project.write(ONE)
    save(project, monkeypatch, 5000, 5040, 4970)
    monkeypatch.setenv("DATABASE", "16")
    project.measure()
    verdict = baseline_verdict(project)
    assert verdict["outcome"] == "NOT CHECKED"
    assert "database: 15 there, 16 here" in verdict["reason"]


def test_a_damaged_file_is_named_and_the_others_are_used(project, monkeypatch):
    """A truncated run is skipped by name, stays as it is, and three others still convict."""
    project.write(ONE)
    save(project, monkeypatch, 5000, 5040, 4970, 5010)
    damaged = saved(project)[0]
    damaged.write_text(damaged.read_text()[:100])
    before = damaged.read_bytes()
    monkeypatch.setenv("WORK_US", "6500")
    result = project.measure()
    assert result.ret == 1
    assert damaged.name in result.stdout.str().replace("\n", "").replace(" ", "")
    assert damaged.read_bytes() == before


def test_a_newer_file_is_a_usage_error(project, monkeypatch):
    """A file of a later version ends the run with 4 and is named."""
    project.write(ONE)
    save(project, monkeypatch, 5000)
    (newer,) = saved(project)
    data = json.loads(newer.read_text())
    newer.write_text(json.dumps(data | {"schema": 99}))
    result = project.run("--perf-budgets")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*{newer.name}*schema 99*"])


@pytest.mark.parametrize("mode", ["--perf-budgets", "--perf-save-baseline"])
def test_a_store_that_is_a_file_is_a_usage_error(project, mode):
    """A path that is a file ends with 4, in one line that names it and the option."""
    project.write(ONE)
    (project.path / "store").write_text("mine")
    result = project.run(mode, "--perf-store=store")
    assert result.ret == 4
    text = result.stdout.str() + result.stderr.str()
    assert "--perf-store" in text
    assert "Traceback" not in text
    assert (project.path / "store").read_text() == "mine"


def test_a_store_that_cannot_be_written_is_a_usage_error(project):
    """The tests have run by then: their report stands, and 4 with one line says what was lost."""
    project.write(ONE)
    (project.path / "file").write_text("mine")
    result = project.run("--perf-save-baseline", "--perf-store=file/below")
    assert result.ret == 4
    result.stdout.fnmatch_lines(
        ["test_it *5.0*ms*", "ERROR: cannot save the run to *below*--perf-store=URL names another*"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_an_interrupted_run_saves_nothing(project):
    """Ctrl-C in the second test: exit code 2, what was measured is shown, nothing is saved."""
    project.write(
        ONE
        + """
    def test_stop(perf_monitor, perf_clock):
        def stop():
            perf_clock.advance("5ms")
            if perf_clock.now_ns() > 2_000_000_000:
                raise KeyboardInterrupt
        perf_monitor(stop)
"""
    )
    result = project.run("--perf-save-baseline")
    assert result.ret == 2
    result.stdout.fnmatch_lines(
        ["test_it *", "test_stop *", "*nothing was saved: the run was interrupted*"]
    )
    assert not saved(project)


def test_judging_comes_before_saving(project, monkeypatch):
    """With both modes a regression is judged by the runs before it, and is not saved."""
    project.write(ONE)
    save(project, monkeypatch, 5000, 5040, 4970)
    monkeypatch.setenv("WORK_US", "6500")
    assert project.measure("--perf-save-baseline").ret == 1
    assert len(saved(project)) == 3
