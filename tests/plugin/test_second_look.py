"""A suspect is measured again in a fresh process before it may be red."""

from __future__ import annotations

import pytest

from pytest_perfmon.duet import launcher
from pytest_perfmon.plugin import second_look

SUSPECT = """
    import os
    import pytest

    @pytest.mark.budget(p95=50)
    def test_it(perf_monitor, perf_clock):
        there = os.environ.get("PYTEST_XDIST_WORKER") == "gw90"
        perf_monitor(perf_clock.advance, "THERE" if there else "61ms")
"""


def verdict_of(project):
    """Give the verdict on the p95."""
    (verdict,) = [one for one in project.verdicts() if one["criterion"] == "p95"]
    return verdict


def test_what_a_fresh_process_does_not_see_is_undecided(project):
    """A violation that the fresh process does not confirm passes, visibly."""
    project.write(SUSPECT.replace("THERE", "5ms"))
    result = project.measure()
    assert result.ret == 0
    assert verdict_of(project)["outcome"] == "UNDECIDED"
    result.stdout.fnmatch_lines(["*UNDECIDED*", "*not confirmed by a fresh process*"])


def test_a_fixture_that_cannot_live_twice_is_named(project):
    """A fixture that fails beside its twin makes its test NOT CHECKED, red under --perf-strict."""
    project.pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def database():
            with open("lock", "x"):
                yield
            import os
            os.unlink("lock")
        """
    )
    project.write(SUSPECT.replace("THERE", "61ms"))
    result = project.measure()
    assert result.ret == 0
    assert verdict_of(project)["outcome"] == "NOT CHECKED"
    assert "needs exclusive fixtures" in verdict_of(project)["reason"]
    assert project.measure("--perf-strict").ret == 1


def test_a_child_that_dies_is_said(project):
    """A fresh process that ends early leaves the criterion NOT CHECKED with the reason."""
    project.write(SUSPECT.replace('"THERE" if there', "os._exit(3) if there"))
    result = project.measure()
    assert result.ret == 0
    assert verdict_of(project)["outcome"] == "NOT CHECKED"
    assert "the fresh process" in verdict_of(project)["reason"]


@pytest.mark.slow
def test_a_child_that_hangs_is_ended(project, monkeypatch):
    """A fresh process that does not answer in time leaves NOT CHECKED, and is not waited for."""
    end = launcher.end_within
    monkeypatch.setattr(launcher, "end_within", lambda process, _patience: end(process, 0))
    monkeypatch.setattr(second_look, "_PATIENCE_SECONDS", 2.0)
    project.write(SUSPECT.replace('"THERE" if there', '__import__("time").sleep(60) if there'))
    result = project.measure()
    assert result.ret == 0
    assert verdict_of(project)["reason"].endswith("did not answer: the time limit was reached")


@pytest.mark.parametrize(
    "options",
    [
        ["-x"],
        ["--maxfail=1"],
        ["-p", "cacheprovider", "--lf"],
        ["--junitxml=junit.xml"],
        ["--basetemp=tmp"],
        ["-q", "-s", "-k", "it"],
        ["test_it.py::test_it"],
    ],
)
def test_the_users_options_do_not_disturb_the_child(project, options):
    """Whatever ends, selects or reports in the user's run, the child measures its one test."""
    project.write(SUSPECT.replace("THERE", "61ms"))
    assert project.measure(*options).ret == 1
    assert verdict_of(project)["outcome"] == "FAILED"


@pytest.mark.slow
def test_addopts_reach_the_child_less_what_hurts(project):
    """Options of the ini file hold in the child, workers and reports left out."""
    project.use("xdist")
    project.pytester.makeconftest(
        "def pytest_addoption(parser): parser.addoption('--mine', default='no')"
    )
    (project.path / "pytest.ini").write_text(
        "[pytest]\naddopts = -n2 --mine=yes --junitxml=j.xml\n"
    )
    project.write(
        SUSPECT.replace("THERE", "61ms")
        .replace("(perf_monitor, perf_clock)", "(perf_monitor, perf_clock, request)")
        .replace("there =", "assert request.config.getoption('mine') == 'yes'\n        there =")
    )
    result = project.run_apart("--perf-budgets", "--perf-json=perf-report.json")
    assert result.ret == 1
    assert verdict_of(project)["outcome"] == "FAILED"


@pytest.mark.slow
def test_odd_node_ids_find_their_test(project):
    """Parameters with brackets, colons, spaces and other scripts are matched by name."""
    project.write(
        """
        import pytest

        @pytest.mark.parametrize("text", ["a::b [c]", "ä ö", "x/y\\\\z"])
        @pytest.mark.budget(p95=50)
        def test_it(perf_monitor, perf_clock, text):
            perf_monitor(perf_clock.advance, "61ms")
        """
    )
    project.measure().assert_outcomes(failed=3)


def test_all_suspects_of_a_test_share_one_second_look(project):
    """Two violated budgets in one test start one fresh process."""
    project.pytester.makeconftest(
        """
        def pytest_configure(config):
            with open("starts.txt", "a") as file:
                file.write("start\\n")
        """
    )
    project.write(
        """
        import pytest

        @pytest.mark.budget("a", p95=50)
        @pytest.mark.budget("b", p95=50)
        def test_it(perf_monitor, perf_clock):
            for _ in perf_monitor.rounds():
                for name in "ab":
                    with perf_monitor.track(name):
                        perf_clock.advance("61ms")
        """
    )
    assert project.measure().ret == 1
    assert project.said("starts.txt") == ["start", "start"]


def test_fixtures_are_told_that_they_live_twice(project):
    """In the child xdist's `worker_id` and `config.workerinput` have a name of their own."""
    project.use("xdist")
    project.write(
        """
        import pytest

        @pytest.fixture(scope="session")
        def database(worker_id, testrun_uid, request):
            workerinput = getattr(request.config, "workerinput", {})
            with open("databases.txt", "a") as file:
                file.write(f"{worker_id} {workerinput.get('workerid')}\\n")

        @pytest.mark.budget(p95=50)
        def test_it(perf_monitor, perf_clock, database):
            perf_monitor(perf_clock.advance, "61ms")
        """
    )
    assert project.measure().ret == 1
    assert project.said("databases.txt") == ["master None", "gw90 gw90"]


def test_a_conftest_that_sets_up_once_for_all_workers_clears_up_too(project):
    """In the hooks of configuring a child is no worker, in those of unconfiguring neither."""
    project.pytester.makeconftest(
        """
        def note(config, what):
            with open("hooks.txt", "a") as file:
                file.write(f"{what} {hasattr(config, 'workerinput')}\\n")

        def pytest_configure(config):
            note(config, "up")

        def pytest_unconfigure(config):
            note(config, "down")
        """
    )
    project.write(SUSPECT.replace("THERE", "61ms"))
    assert project.measure().ret == 1
    assert project.said("hooks.txt") == ["up False", "up False", "down False", "down False"]


@pytest.mark.slow
@pytest.mark.parametrize("plugin", ["pytest_rerunfailures", "pytest_randomly", "pytest_cov.plugin"])
def test_plugins_that_know_xdist_let_the_child_measure(project, plugin):
    """Plugins that expect more of a worker than the child is do not hinder it."""
    project.use("xdist", plugin)
    project.write(SUSPECT.replace("THERE", "61ms"))
    options = {"pytest_rerunfailures": ["--reruns=1"], "pytest_cov.plugin": ["--cov=test_it"]}
    options = ["--perf-budgets", "--perf-json=perf-report.json", *options.get(plugin, [])]
    assert project.run_apart(*options).ret == 1
    assert verdict_of(project)["outcome"] == "FAILED"


@pytest.mark.slow
def test_a_worker_of_xdist_has_its_own_second_look(project):
    """Under -n the child of a worker is called as the user called, and confirms."""
    project.use("xdist")
    project.write(SUSPECT.replace("THERE", "61ms"))
    result = project.run_apart("-n2", "--perf-budgets", "--perf-json=perf-report.json")
    assert result.ret == 1
    assert any("in a fresh process" in one for one in verdict_of(project)["details"])


def test_a_debugger_waits_in_the_parent_only(project):
    """With `--pdb` the child measures without one; what it confirms then opens one here."""
    project.write(SUSPECT.replace("THERE", "61ms"))
    result = project.run_apart("--perf-budgets", "--pdb")
    result.stdout.fnmatch_lines(["test_it p95 61.0 ms > budget 50 ms *", "*entering PDB*"])
    assert result.stdout.str().count("entering PDB") == 1
