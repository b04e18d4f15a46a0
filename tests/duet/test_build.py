"""Sides that other programs make: built once and kept, installed without their dependencies."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig

import pytest
from git_projects import FAST, SLOW, TEST, GitProject, left_over, write_wheel
from process_ends import ended
from side_runs import against, both

from pytest_perfmon.duet import build
from pytest_perfmon.duet.sides import PipSpec
from pytest_perfmon.errors import UsageError


@pytest.fixture
def made(tmp_path):
    """Give a flat project whose working tree differs from its one commit."""
    project = GitProject(tmp_path)
    project.commit({"demo.py": SLOW, "tests/test_demo.py": TEST, ".gitignore": "*.log\n"})
    project.put("demo.py", FAST)
    return project


@pytest.fixture
def builder(tmp_path):
    """Give a setup command that writes what it was called for, and a reader of its calls."""
    script = tmp_path / "build me.py"
    log = tmp_path / "calls"
    script.write_text(
        "import pathlib, sys\n"
        "tree = pathlib.Path(sys.argv[1])\n"
        "assert tree == pathlib.Path.cwd()\n"
        "(tree / 'built.py').write_text((tree / 'demo.py').read_text())\n"
        f"open({str(log)!r}, 'a').write('built\\n')\n"
    )
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {{tree}}"
    return command, lambda: len(log.read_text().splitlines())


def test_a_tree_is_built_once_per_content_and_kept(made, builder, tmp_path):
    """A second run builds nothing, a changed source is built anew, the path may hold spaces."""
    command, calls = builder
    made.cache = tmp_path / "a cache"
    for expected in ((1, 2), (1, 2)):
        with against(made, "HEAD", setup=command) as sides:
            assert both(sides, "import built; result = built.work()") == expected
            assert len(str(sides.baseline.tree)) == len(str(sides.candidate.tree))
        assert calls() == 2
    made.put("demo.py", "def work():\n    return 3\n")
    with against(made, "HEAD", setup=command) as sides:
        assert both(sides, "import built; result = built.work()") == (1, 3)
    assert calls() == 3


def test_equal_sources_are_built_in_two_places(made, builder):
    """An A/A of built trees still has a tree for each side, also when it runs twice at a time."""
    command, calls = builder
    made.put("demo.py", SLOW)
    with (
        against(made, "HEAD", setup=command) as sides,
        against(made, "HEAD", setup=command) as beside,
    ):
        trees = {s.tree for s in (sides.baseline, sides.candidate, beside.baseline)}
        assert len(trees) == 3
        assert sides.identical
    assert calls() == 4


def test_tests_laid_over_a_built_tree_do_not_stay_in_it(made, builder):
    """The next run finds the tree as it was built, with its own tests, whatever tests it brings."""
    command, calls = builder
    made.put("tests/new_helper.py", "h = 1\n")
    with against(made, "HEAD", "tests/test_demo.py", setup=command) as sides:
        assert (sides.baseline.tree / "tests/new_helper.py").exists()
        count = calls()
    (made.top / "tests/new_helper.py").unlink()
    made.put("tests/test_demo.py", "changed = 1\n")
    with against(made, "HEAD", "tests/test_demo.py", setup=command) as sides:
        assert not (sides.baseline.tree / "tests/new_helper.py").exists()
        assert (sides.baseline.tree / "tests/test_demo.py").read_text() == "changed = 1\n"
    with against(made, "HEAD", setup=command) as sides:
        assert (sides.baseline.tree / "tests/test_demo.py").read_text() == TEST
    assert calls() == count + 1  # the candidate's own tests are part of its sources


def test_a_setup_that_fails_is_a_usage_error_and_leaves_nothing(made):
    """The message has the command, its exit code and its last line; the next run tries again."""
    command = f"{shlex.quote(sys.executable)} -c \"print('no compiler'); raise SystemExit(3)\""
    for _ in range(2):
        with pytest.raises(UsageError, match=r"ended with exit code 3: no compiler$"):
            against(made, setup=command).__enter__()
        assert left_over(made.cache) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_interrupted_setup_ends_with_all_its_children(made, tmp_path, monkeypatch):
    """Ctrl-C while a tree is built leaves no process that goes on building, and no tree."""
    started, ids = tmp_path / "started", tmp_path / "ids"
    os.mkfifo(started)
    script = tmp_path / "slow.sh"
    script.write_text(f"sleep 600 & echo $$ $! > '{ids}'; echo > '{started}'; wait\n")

    def interrupted(process):
        started.read_text()
        raise KeyboardInterrupt

    monkeypatch.setattr(build.subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build.run_setup(f"sh '{script}'", made.top)
    for number in ids.read_text().split():
        assert ended(int(number))


def test_a_setup_may_give_each_side_an_interpreter_of_its_own(made):
    """`{tree}` in `--perf-python` is each side's tree, where the setup made it."""
    command = f"mkdir {{tree}}/bin && ln -s {shlex.quote(sys.executable)} {{tree}}/bin/python"
    with against(made, setup=command, python="{tree}/bin/python") as sides:
        for side in (sides.baseline, sides.candidate):
            assert side.python == side.tree / "bin" / "python"


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs a C compiler"
)
def test_a_real_extension_module_is_built_and_compared(tmp_path):
    """A C extension built in place runs as its side's own on both sides, not as the user's."""
    source = (
        "#include <Python.h>\n"
        "static PyObject *work(PyObject *s, PyObject *a) { return PyLong_FromLong(RESULT); }\n"
        'static PyMethodDef m[] = {{"work", work, METH_NOARGS, ""}, {0}};\n'
        'static struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "_speed", 0, -1, m};\n'
        "PyMODINIT_FUNC PyInit__speed(void) { return PyModule_Create(&d); }\n"
    )
    made = GitProject(tmp_path)
    made.commit(
        {
            "demo/__init__.py": "from demo._speed import work\n",
            "demo/_speed.c": source.replace("RESULT", "1"),
            ".gitignore": "*.so\n",
        }
    )
    made.put("demo/_speed.c", source.replace("RESULT", "2"))
    made.put("demo/_speed.so", "built in place, by another Python perhaps")
    include = shlex.quote(sysconfig.get_path("include"))
    target = f"demo/_speed{sysconfig.get_config_var('EXT_SUFFIX')}"
    with against(made, setup=f"cc -shared -fPIC -I{include} demo/_speed.c -o {target}") as sides:
        assert both(sides, "import demo; result = demo.work()") == (1, 2)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Give a directory of wheels that is all pip can see: two releases of `demo`."""
    shelf = tmp_path / "shelf"
    for version, text in (("1.0", SLOW), ("2.0", FAST)):
        write_wheel(shelf, "demo", version, {"demo/__init__.py": text, "tests/__init__.py": "0/0"})
        write_wheel(shelf, "family_demo", version, {"family/demo/__init__.py": text})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return shelf


@pytest.mark.slow
def test_a_release_takes_the_place_of_the_projects_own_package(tmp_path, shelf):
    """The working tree is compared with a release under one layout and with one set of tests."""
    made = GitProject(tmp_path)
    test = "src/demo/tests/test_demo.py"
    made.commit(
        {"src/demo/__init__.py": "def work():\n    return 3\n", "data.txt": "d", test: TEST}
    )
    with against(made, "pip:demo==1.0", test, sys_path=[str(made.top), str(made.top)]) as sides:
        assert both(sides, "import demo; result = demo.work()") == (1, 3)
        assert (sides.baseline.tree / "src/demo/__init__.py").read_text() == SLOW
        assert (sides.baseline.tree / test).read_text() == TEST
        assert (sides.baseline.tree / "data.txt").read_text() == "d"
    shutil.rmtree(shelf)
    (kept,) = (made.cache / "pip").iterdir()
    os.utime(kept, (0, 0))
    with against(made, "pip:demo==1.0", test) as sides:  # kept, so nothing is asked of pip
        assert both(sides, "import demo; result = demo.work()") == (1, 3)


@pytest.mark.slow
def test_two_releases_are_compared_with_the_tests_at_hand(made, shelf):
    """Where the project does not hold the package, both sides get it at the head of their path."""
    candidate = PipSpec("family-demo==2.0")
    with against(made, "pip:family-demo==1.0", candidate=candidate) as sides:
        assert both(sides, "from family.demo import work; result = work()") == (1, 2)
        assert len(str(sides.baseline.path[0])) == len(str(sides.candidate.path[0]))


@pytest.mark.slow
def test_a_release_without_an_exact_version_is_asked_for_again(made, shelf):
    """`demo<3` and `demo==2.*` name whatever is newest at the time.

    The project's `demo.py` became a package in the releases, which takes its place.
    """
    for spec in ("pip:demo<3", "pip:demo==2.*"):
        with against(made, spec) as sides:
            assert (sides.baseline.tree / "demo/__init__.py").read_text() == FAST
            assert not (sides.baseline.tree / "demo.py").exists()
    newer = "def work():\n    return 4\n"
    write_wheel(shelf, "demo", "2.1", {"demo/__init__.py": newer})
    for spec in ("pip:demo<3", "pip:demo==2.*"):
        with against(made, spec) as sides:
            assert (sides.baseline.tree / "demo/__init__.py").read_text() == newer


@pytest.mark.slow
def test_a_release_of_a_namespace_package_leaves_its_siblings_alone(tmp_path, shelf):
    """Only the parts that the release brings are replaced."""
    made = GitProject(tmp_path)
    made.commit({"src/family/demo/__init__.py": "", "src/family/other.py": "o = 5\n"})
    with against(made, "pip:family-demo==1.0") as sides:
        code = "from family import demo, other; result = [hasattr(demo, 'work'), other.o]"
        assert both(sides, code) == ([True, 5], [False, 5])


@pytest.mark.slow
def test_a_release_that_pip_cannot_find_is_a_usage_error(made, shelf):
    """The message has pip's own reason, and nothing is kept for it."""
    with pytest.raises(UsageError, match=r"^pip cannot install 'demo==9': .*demo==9"):
        against(made, "pip:demo==9").__enter__()
    assert left_over(made.cache) == []
    assert not (made.cache / "pip").exists()


def test_an_environment_without_pip_is_a_usage_error(made, tmp_path):
    """The interpreter's own message says what is missing."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'python: No module named pip' >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(UsageError, match="pip cannot install 'demo': python: No module named pip"):
        against(made, "pip:demo", python=str(fake)).__enter__()


def test_a_release_has_no_interpreter_of_its_own(made):
    """`{tree}` in `--perf-python` cannot be meant for a tree that nothing builds."""
    with pytest.raises(UsageError, match="has no interpreter of its own"):
        against(made, "pip:demo==1.0", python="{tree}/bin/python").__enter__()
