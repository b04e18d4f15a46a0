"""`--perf-against` end to end: real repositories, real workers, a clock that the code moves."""

from __future__ import annotations

import hashlib
import os
import subprocess

import pytest

from pytest_perfmon.cli import main

GIT = (
    "git",
    "-c",
    "user.name=t",
    "-c",
    "user.email=t@example.org",
    "-c",
    "init.defaultBranch=main",
)
TEST = """
    import pkg

    def test_work(perf_monitor, perf_clock):
        perf_monitor(pkg.work, perf_clock)
"""


def work(microseconds):
    """Write the product: a package whose work takes so long on the test's clock."""
    return f"def work(clock):\n    clock.advance({microseconds} * 1000)\n    return 42\n"


class Repository:
    """A project in a git repository, with one commit to compare with.

    Attributes:
        project: runs pytest in it.
    """

    def __init__(self, project, cache):
        self.project = project
        self.cache = cache
        self.path = project.path

    def commit(self, product, test=TEST):
        """Commit that product and those tests."""
        self.project.pytester.makepyfile(test_it=test)
        self.write(product)
        (self.path / "pytest.ini").write_text("[pytest]\n")
        (self.path / ".gitignore").write_text("__pycache__/\nperf-report.json\nrunpytest*\n")
        for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
            subprocess.run([*GIT, *arguments], cwd=self.path, check=True)

    def write(self, product):
        """Change the product in the working tree."""
        package = self.path / "pkg"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(product)

    def compare(self, *options, base="HEAD"):
        """Run the A/B in a process of its own."""
        json = "--perf-json=perf-report.json"
        return self.project.run_apart(f"--perf-against={base}", json, *options)

    def trees(self):
        """Give what is left in the cache."""
        return [path for path in self.cache.rglob("*") if path.name == "pkg"]


@pytest.fixture
def repository(project, tmp_path_factory, monkeypatch):
    """An empty project whose trees are made below a cache directory of the test's own."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    return Repository(project, cache)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("now", "code", "change", "blocks"),
    [
        (1500, 1, "REGRESSED", range(7, 12)),
        (600, 0, "IMPROVED", range(7, 12)),
        (1000, 0, "UNCHANGED", [5]),
    ],
)
def test_a_change_is_called_what_it_is(repository, now, code, change, blocks):
    """Slower is REGRESSED and red, faster IMPROVED, the same UNCHANGED, each in few blocks."""
    repository.commit(work(1000))
    repository.write(work(now) + "# changed\n")
    result = repository.compare()
    assert result.ret == code
    (verdict,) = repository.project.verdicts()
    assert verdict["comparison"]["change"] == change
    assert len(verdict["record"]["data"]) in blocks
    assert verdict["comparison"]["effect"] == pytest.approx(now / 1000 - 1, abs=1e-3)
    result.stdout.fnmatch_lines([f"*test_work *{change} *"])
    assert repository.trees() == []
    assert main(["replay", str(repository.path / "perf-report.json")]) == 0


@pytest.mark.slow
def test_the_same_files_are_an_a_a_and_the_repository_is_left_alone(repository):
    """An unchanged tree is allowed and said to be an A/A; every file, .git too, is as it was."""
    repository.commit(work(1000))

    def state():
        return {
            str(path.relative_to(repository.path)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in repository.path.rglob("*")
            if path.is_file()
            and "__pycache__" not in path.parts
            and path.suffix != ".json"
            and not path.name.startswith("perf-report")
            and "runpytest" not in str(path)
            and ".pytest_cache" not in path.parts
            and path.name not in {"stdout", "stderr"}
        }

    before = state()
    result = repository.compare("--perf-blocks=2")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*both sides are the same files: this is an A/A*"])
    assert state() == before


@pytest.mark.slow
def test_every_form_is_compared(repository):
    """Calls, measures, rounds with tracked operations, repeated bodies: each has its verdict."""
    repository.commit(
        work(1000),
        """
        import pytest
        import pkg

        def test_measure(perf_monitor, perf_clock):
            perf_monitor.measure("one", pkg.work, perf_clock)
            perf_monitor.measure("two", pkg.work, perf_clock, setup=lambda: None)

        def test_rounds(perf_monitor, perf_clock):
            for _ in perf_monitor.rounds():
                with perf_monitor.track("inner"):
                    pkg.work(perf_clock)

        @pytest.mark.budget(p95=50)
        def test_body(perf_clock):
            pkg.work(perf_clock)

        async def awaited(clock):
            return pkg.work(clock)

        @pytest.mark.asyncio
        async def test_async(perf_monitor, perf_clock):
            assert await perf_monitor(awaited, perf_clock) == 42

        @pytest.mark.asyncio
        async def test_async_rounds(perf_monitor, perf_clock):
            async for _ in perf_monitor.rounds():
                await awaited(perf_clock)
        """,
    )
    repository.write(work(3000))
    repository.project.use("pytest_asyncio.plugin")
    (repository.path / "pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
    )
    repository.compare("--perf-blocks=2")
    effects = {
        one["operation"]: one["comparison"]["effect"] for one in repository.project.verdicts()
    }
    assert set(effects) == {
        *("one", "two", "inner", "test_rounds", "test_body", "test_async", "test_async_rounds")
    }
    assert all(effect == pytest.approx(2.0, abs=0.01) for effect in effects.values())


@pytest.mark.slow
def test_a_test_that_one_side_cannot_run_costs_itself_only(repository):
    """Deaths, errors and missing functions are NOT CHECKED with their reason; others go on."""
    repository.commit(
        work(1000),
        """
        import os
        import pytest
        import pkg

        IN_WORKER = "PERFMON_SIDE" in os.environ

        def test_dies(perf_monitor, perf_clock):
            if hasattr(pkg, "new"):
                perf_monitor(lambda: os._exit(3) if IN_WORKER else None)
            perf_monitor(pkg.work, perf_clock) if not hasattr(pkg, "new") else None

        def test_missing(perf_monitor, perf_clock):
            perf_monitor(pkg.new, perf_clock)

        def test_skips(perf_monitor):
            pytest.skip("not today")

        def test_work(perf_monitor, perf_clock):
            perf_monitor(pkg.work, perf_clock)
        """,
    )
    repository.write(work(1000) + "new = work\n")
    result = repository.compare("--perf-blocks=3")
    assert result.ret == 0
    outcomes = {
        test["nodeid"].partition("::")[2]: [one["outcome"] for one in test["verdicts"]]
        for test in repository.project.report()["tests"]
    }
    assert outcomes["test_dies"] == ["NOT CHECKED"]
    assert outcomes["test_missing"] == ["NOT CHECKED"]
    assert outcomes["test_work"] in (["PASSED"], ["UNDECIDED"])
    reasons = " ".join(one["reason"] for one in repository.project.verdicts())
    assert "the candidate did not come through it: its process ended with exit code 3" in reasons
    assert "the baseline could not run it: call failed: " in reasons
    assert "has no attribute 'new'" in reasons


@pytest.mark.slow
def test_a_module_that_the_baseline_cannot_import_costs_itself_only(repository):
    """A test module that imports what the baseline lacks is NOT CHECKED; the others go on."""
    repository.commit(work(1000))
    repository.write(work(1000) + "new = work\n")
    (repository.path / "test_new.py").write_text(
        "from pkg import new\n\ndef test_new(perf_monitor, perf_clock):\n"
        "    perf_monitor(new, perf_clock)\n"
    )
    result = repository.compare("--perf-blocks=2")
    assert result.ret == 0
    reasons = {one["operation"]: one["reason"] for one in repository.project.verdicts()}
    assert "has no such test" in reasons["test_new"]
    assert repository.compare("--perf-blocks=2", "--perf-strict").ret == 1


@pytest.mark.slow
def test_a_change_of_the_tail_is_found_by_p95(repository):
    """Every twentieth call three times as long: the median is the same, the p95 is not."""
    product = (
        "def work(clock, calls=[0]):\n    calls[0] += 1\n"
        "    clock.advance(3_000_000 if {slow} and calls[0] % 10 == 0 else 1_000_000)\n"
    )
    repository.commit(product.format(slow=False))
    repository.write(product.format(slow=True))
    result = repository.compare("--perf-statistic=p95")
    assert result.ret == 1
    (verdict,) = repository.project.verdicts()
    assert verdict["comparison"]["change"] == "REGRESSED"
    assert " p95 REGRESSED " in verdict["headline"]


@pytest.mark.slow
def test_a_limit_on_the_p95_has_the_p95_compared(repository):
    """The mark chooses the statistic of its test alone; an option has the last word."""
    tests = """
        import pytest
        import pkg

        @pytest.mark.budget(p95=50)
        def test_limited(perf_monitor, perf_clock):
            perf_monitor(pkg.work, perf_clock)

        def test_work(perf_monitor, perf_clock):
            perf_monitor(pkg.work, perf_clock)
    """
    repository.commit(work(1000), tests)
    repository.compare("--perf-blocks=2")
    assert [" p95 " in one["headline"] for one in repository.project.verdicts()] == [True, False]
    repository.compare("--perf-blocks=2", "--perf-statistic=location")
    assert not any(" p95 " in one["headline"] for one in repository.project.verdicts())


@pytest.mark.slow
def test_both_sides_throw_the_same_dice(repository):
    """Both sides are named by their slot and given one seed of pytest-randomly's a block."""
    seen = repository.path / "seen"
    tests = f"""
        import random
        import pkg

        def test_work(perf_monitor, perf_clock, worker_id):
            if worker_id != "master":
                with open({str(seen)!r}, "a") as file:
                    print(worker_id, random.random(), file=file)
            perf_monitor(pkg.work, perf_clock)
    """
    repository.commit(work(1000), tests)
    repository.project.use("xdist", "pytest_randomly")
    repository.compare("--perf-blocks=2")
    lines = [line.split() for line in seen.read_text().splitlines()]
    assert sorted(name for name, _ in lines) == ["gw91", "gw91", "gw92", "gw92"]
    assert len({value for _, value in lines}) == 2


@pytest.mark.slow
def test_workers_of_xdist_are_not_used(repository):
    """Under -n2 a comparison runs as under -n0."""
    repository.commit(work(1000))
    repository.project.use("xdist")
    result = repository.compare("-n2", "--perf-blocks=2")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*2 workers*")
    assert len(repository.project.verdicts()) == 1


@pytest.mark.parametrize(
    ("base", "options", "said"),
    [
        ("nowhere", (), "*--perf-against='nowhere'*no branch, tag or commit*"),
        ("HEAD", ("-k", "nothing"), "*no perf test was collected*"),
        ("HEAD", ("--perf-python=missing-python",), "*'missing-python'*"),
        ("merge-base:nowhere", (), "*'nowhere'*"),
        ("pip:", (), "*expected a requirement*"),
    ],
)
def test_what_cannot_be_compared_is_a_usage_error(repository, base, options, said):
    """Exit code 4, one line that says what to do, and no trees left."""
    repository.commit(work(1000))
    result = repository.compare(*options, base=base)
    assert result.ret == 4
    lines = [
        line for line in result.stderr.lines + result.stdout.lines if line.startswith("ERROR: ")
    ]
    assert len(lines) == 1
    result.stderr.fnmatch_lines([said])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
    assert repository.trees() == []


def test_outside_a_repository_it_is_said(project):
    """Without git, a ref is a usage error that names the other ways."""
    project.write("import os\n\ndef test_it(perf_monitor): perf_monitor(os.getpid)")
    result = project.run_apart("--perf-against=main")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*not in a git repository*pip:SPEC*"])


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_ctrl_c_ends_workers_and_removes_trees(repository):
    """After SIGINT there is no worker, no tree and no lock."""
    import signal
    import sys
    import time

    repository.commit(work(1000))
    loading = [part for name in repository.project.plugins for part in ("-p", name)]
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", *loading, "--perf-against=HEAD", "--perf-blocks=500"],
        cwd=repository.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not repository.trees() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.5)
    os.killpg(run.pid, signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode == 2
    with pytest.raises(ProcessLookupError):
        os.killpg(run.pid, 0)
    assert repository.trees() == []
