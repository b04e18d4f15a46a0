"""Both trees of a comparison: what they hold, for every layout, and that nothing else changes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from git_projects import FAST, SLOW, TEST, GitProject, left_over
from side_runs import against, both

from pytest_perfmon.duet import trees
from pytest_perfmon.duet.project import describe_project
from pytest_perfmon.duet.revisions import parse_side
from pytest_perfmon.duet.sides import Directory, WorkingTree
from pytest_perfmon.duet.slots import sweep
from pytest_perfmon.duet.trees import prepare
from pytest_perfmon.errors import UsageError


@pytest.fixture
def made(tmp_path):
    """Give a flat project whose working tree differs from its one commit."""
    project = GitProject(tmp_path)
    project.commit({"demo.py": SLOW, "tests/test_demo.py": TEST, ".gitignore": "*.log\n"})
    project.put("demo.py", FAST)
    return project


LAYOUTS = {
    "flat": ("demo/__init__.py", "tests/test_demo.py", ".", "demo"),
    "src": ("src/demo/__init__.py", "tests/test_demo.py", ".", "demo"),
    "single module": ("demo.py", "test_demo.py", ".", "demo"),
    "plain namespace": ("src/family/demo.py", "tests/test_demo.py", ".", "family.demo"),
    "tests inside": ("demo/__init__.py", "demo/tests/test_demo.py", ".", "demo"),
    "test beside code": ("demo/core.py", "demo/test_demo.py", ".", "demo.core"),
    "monorepo": ("services/a/src/demo.py", "services/a/tests/test_demo.py", "services/a", "demo"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_side_runs_its_own_code_in_every_layout(tmp_path, layout):
    """The baseline runs the commit's code, the candidate the uncommitted one, whatever the layout.

    Both import the candidate's tests, which are new since the commit.
    """
    code, test, root, module = LAYOUTS[layout]
    made = GitProject(tmp_path)
    made.commit({code: SLOW, f"{root}/pyproject.toml": ""})
    made.put(code, FAST)
    made.put(test, TEST)
    with against(made, "HEAD", test, root=root) as sides:
        assert both(sides, f"from {module} import work; result = work()") == (1, 2)
        assert [(side.tree / test).read_text() for side in (sides.baseline, sides.candidate)] == [
            TEST,
            TEST,
        ]
        assert not sides.identical
        assert test in sides.tests


def test_the_candidate_is_the_working_tree_as_it_is(made):
    """New files come along, ignored ones and bytecode do not, and deleted ones are gone."""
    made.commit({"old.py": "", "kept.txt": "kept"})
    (made.top / "old.py").unlink()
    made.put("new.py", "n = 1\n")
    made.put("noise.log", "")
    made.put("__pycache__/demo.pyc", "stale")
    with against(made) as sides:
        here = {p.relative_to(sides.candidate.tree).as_posix() for p in _files(sides.candidate)}
        there = {p.relative_to(sides.baseline.tree).as_posix() for p in _files(sides.baseline)}
    assert here == {".gitignore", "demo.py", "kept.txt", "new.py", "tests/test_demo.py"}
    assert there == {".gitignore", "demo.py", "kept.txt", "old.py", "tests/test_demo.py"}


def test_the_repository_is_byte_for_byte_as_before(made):
    """Neither the working tree nor anything below `.git` changes, the index's times included."""
    made.put("demo.py", SLOW)  # equal content, newer time: what an index refresh would record
    before, times = made.bytes(), (made.top / ".git" / "index").stat().st_mtime_ns
    with against(made, "HEAD", "tests/test_demo.py") as sides:
        both(sides, "import demo; result = demo.work()")
    assert made.bytes() == before
    assert (made.top / ".git" / "index").stat().st_mtime_ns == times


def test_both_trees_have_paths_of_one_length_outside_of_the_project(made):
    """A path's length cannot make one side slower."""
    with against(made) as sides:
        first, second = sides.baseline.tree, sides.candidate.tree
        assert len(str(first)) == len(str(second))
        assert first != second
        assert not first.is_relative_to(made.top)


@pytest.mark.parametrize("base", ["HEAD", "dir:."])
def test_equal_sources_are_known_to_be(made, base):
    """Comparing a clean tree with its own commit, or with itself, is allowed and marked."""
    made.put("demo.py", SLOW)
    with against(made, base) as sides:
        assert sides.identical


def test_trees_that_differ_in_tests_alone_are_identical(made):
    """Both sides run the working tree's tests, so a changed test makes no difference."""
    made.put("demo.py", SLOW)
    made.put("tests/test_demo.py", TEST + "\n")
    with against(made, "HEAD", "tests/test_demo.py") as sides:
        assert sides.identical
    with against(made, "HEAD") as sides:
        assert not sides.identical


def test_trees_are_removed_when_the_comparison_ends(made):
    """Nothing of the trees stays, write-protected directories included."""
    with against(made) as sides:
        (sides.baseline.tree / "tests").chmod(0o500)
    assert left_over(made.cache) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, UsageError, SystemExit])
def test_trees_are_removed_when_the_comparison_is_interrupted(made, error):
    """Ctrl-C and errors leave no tree and no lock, and are passed on."""
    with pytest.raises(error), against(made):
        raise error
    assert left_over(made.cache) == []


def start_holder(made, held, loop="for _ in range(1):"):
    """Start a process that prepares a comparison, says where, and does something while it lasts."""
    program = (
        "import sys, pathlib\n"
        "sys.path[:0] = sys.argv[1:3]\n"
        "from git_projects import GitProject\n"
        "from side_runs import against\n"
        "made = GitProject.__new__(GitProject)\n"
        "made.top, made.cache = pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])\n"
        f"{loop}\n"
        "    with against(made) as sides:\n"
        "        print(sides.baseline.tree, flush=True)\n"
        f"        {held}\n"
    )
    own = Path(__file__).parent
    paths = [own, own.parents[1], made.top, made.cache]
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, paths)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_trees_of_a_killed_process_are_swept_and_those_of_a_living_one_are_not(made):
    """The next run removes what SIGKILL left; before that, the trees are safe from other runs."""
    child = start_holder(made, "sys.stdin.read()")
    with child:
        tree = Path(child.stdout.readline().strip())
        with against(made):
            assert (tree / "demo.py").exists()
        sweep(made.cache)
        assert (tree / "demo.py").exists()
        child.send_signal(signal.SIGKILL)
    assert tree.exists()
    sweep(made.cache)
    assert left_over(made.cache) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "SIGINT"])
def test_a_run_ended_at_any_moment_leaves_nothing_behind_for_long(made, how):
    """Ended while it makes, holds or removes trees: the repository is intact, a sweep clears up."""
    before = made.bytes()
    moments = random.Random(7)
    for _ in range(10):
        with start_holder(made, "pass", loop="while True:") as child:
            assert child.stdout.readline().strip()
            with suppress(subprocess.TimeoutExpired):
                child.wait(moments.uniform(0, 0.1))
            child.send_signal(how)
    for _ in range(100):  # a git that outlived its parent may still be writing
        sweep(made.cache)
        if not left_over(made.cache):
            break
        time.sleep(0.01)
    assert left_over(made.cache) == []
    assert made.bytes() == before


def test_generated_modules_are_copied_to_both_sides_and_named(made):
    """An ignored `_version.py` in the product is in both trees; one that the commit has is not."""
    made.commit({"demo/__init__.py": "", "demo/_old.py": "v = 1\n"})
    made.git("rm", "-q", "--cached", "demo/_old.py")
    made.put(".gitignore", "_[ov]*.py\n")
    made.put("demo/_old.py", "v = 2\n")
    made.put("demo/_version.py", "v = 3\n")
    with against(made) as sides:
        trees = [sides.baseline.tree, sides.candidate.tree]
        assert [(tree / "demo/_version.py").read_text() for tree in trees] == ["v = 3\n"] * 2
        assert [(tree / "demo/_old.py").read_text() for tree in trees] == ["v = 1\n", "v = 2\n"]
        assert sides.notes == (
            "generated from the working tree in both sides: demo/_old.py, demo/_version.py",
        )


def test_data_beside_tests_and_code_is_taken_along_and_named(tmp_path):
    """Where it may be the product's, a changed data file is copied to both and said to be."""
    made = GitProject(tmp_path)
    made.commit({"demo/core.py": SLOW, "demo/test_demo.py": TEST, "demo/data.json": "1"})
    made.put("demo/data.json", "2")
    with against(made, "HEAD", "demo/test_demo.py") as sides:
        assert (sides.baseline.tree / "demo/data.json").read_text() == "2"
        assert sides.notes == (
            "data beside tests from the working tree in both sides: demo/data.json",
        )


def test_built_modules_that_git_ignores_need_a_setup(made):
    """An ignored `.so` in the product is a usage error, not where both sides bring theirs."""
    made.commit({"demo/__init__.py": "", ".gitignore": "*.so\n"})
    made.put("demo/_speed.so", "")
    with pytest.raises(UsageError, match=r"'demo/_speed.so' is a built module .*--perf-setup"):
        against(made).__enter__()
    with against(made, "dir:.", candidate=Directory(made.top)) as sides:
        assert (sides.baseline.tree / "demo/_speed.so").exists()


def test_large_file_pointers_are_a_usage_error_unless_the_tests_bring_the_file(made):
    """A git-lfs pointer in BASE says what to do; one below `tests` is replaced by the real file."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    made.commit({"tests/data.bin": pointer})
    made.put("tests/data.bin", "real data")
    with against(made, "HEAD", "tests/test_demo.py") as sides:
        assert (sides.baseline.tree / "tests/data.bin").read_text() == "real data"
    made.commit({"model.bin": pointer})
    with pytest.raises(UsageError, match=r"'model.bin' in HEAD .* git lfs pull there.* dir:PATH"):
        against(made).__enter__()
    with pytest.raises(UsageError, match=r"'model.bin' in working tree .*: run git lfs pull$"):
        against(made, "HEAD~2", "tests/test_demo.py").__enter__()


def test_submodules_of_base_are_a_usage_error_and_those_of_the_candidate_come_along(made, tmp_path):
    """The remedy that the message names, a directory with its submodules, works."""
    inner = GitProject(tmp_path, "inner")
    inner.commit({"core.py": SLOW})
    made.git("submodule", "add", "-q", str(inner.top), "vendor")
    made.commit({})
    with pytest.raises(UsageError, match=r"submodule 'vendor'.* --recurse-submodules .*dir:PATH"):
        against(made).__enter__()
    clone = tmp_path / "clone"
    made.git("clone", "-q", "--recurse-submodules", str(made.top), str(clone))
    made.put("vendor/core.py", FAST)
    roots = [str(made.top / "vendor")]
    with against(made, f"dir:{clone}", sys_path=roots) as sides:
        assert both(sides, "import core; result = core.work()") == (1, 2)


def test_a_partial_clone_is_a_usage_error(made, tmp_path):
    """Missing objects are not fetched, which would write into the repository."""
    made.commit({})
    made.git("config", "uploadpack.allowFilter", "true")
    made.git("clone", "-q", "--filter=blob:none", made.top.as_uri(), str(tmp_path / "partial"))
    made.top = tmp_path / "partial"
    with pytest.raises(UsageError, match=r"1 objects of HEAD~1 .* partial clone"):
        against(made, "HEAD~1").__enter__()


def test_a_cache_inside_the_repository_is_a_usage_error(made):
    """Nothing is written below the repository, the cache included."""
    made.cache = made.top / "cache"
    with pytest.raises(UsageError, match="lies in the repository"):
        against(made).__enter__()
    assert not made.cache.exists()


def test_a_cache_that_cannot_be_written_is_a_usage_error(made):
    """A file in the cache's place is named."""
    made.cache.write_text("")
    with pytest.raises(UsageError, match=f"cannot write to the cache directory '{made.cache}'"):
        against(made).__enter__()


@pytest.mark.parametrize("base", ["HEAD~1", "dir:elsewhere"])
def test_a_base_without_the_projects_directory_is_a_usage_error(tmp_path, base):
    """In a monorepo BASE has to hold the project in its place."""
    made = GitProject(tmp_path)
    made.commit({"other/demo.py": ""})
    made.commit({"services/a/demo.py": SLOW, "services/a/tests/test_demo.py": TEST})
    made.put("elsewhere/demo.py", SLOW)
    with pytest.raises(UsageError, match="has no directory 'services/a'"):
        against(made, base, "services/a/tests/test_demo.py", root="services/a").__enter__()


def test_a_ref_for_tests_outside_of_its_repository_is_a_usage_error(made, tmp_path):
    """A ref of the directory that pytest was called in says nothing about tests elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    project = describe_project(elsewhere, sys_path=[], meta_path=[])
    comparison = prepare(
        parse_side("HEAD", made.top), WorkingTree(), project=project, cache_dir=made.cache
    )
    with pytest.raises(UsageError, match=r"HEAD .* the tests are in no git repository"):
        comparison.__enter__()


def test_files_that_cannot_be_copied_are_a_usage_error(made, monkeypatch):
    """A full disk or an unreadable file is told in one line, and what was made is removed."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trees, "copy_files", full)
    with pytest.raises(UsageError, match=r"cannot make the trees to compare: .*No space left"):
        against(made).__enter__()
    assert left_over(made.cache) == []


def test_without_a_repository_directories_can_be_compared(tmp_path):
    """A project without git is copied without caches and environments, and a ref is refused."""
    for name, text in (("project", FAST), ("old", SLOW)):
        (tmp_path / name / ".venv" / "lib").mkdir(parents=True)
        (tmp_path / name / ".venv" / "pyvenv.cfg").write_text("")
        (tmp_path / name / "demo.py").write_text(text)
    made = GitProject.__new__(GitProject)
    made.top, made.cache = tmp_path / "project", tmp_path / "project" / "cache"
    with against(made, "dir:../old") as sides:
        assert both(sides, "import demo; result = demo.work()") == (1, 2)
        assert [path.name for path in _files(sides.candidate)] == ["demo.py"]


def test_an_import_hook_ahead_of_the_path_needs_environments_of_its_own(made):
    """Editable installs that deliver the project whatever the path says are a usage error."""

    class Hook:
        def find_spec(self, name, _path):
            origin = made.top / "demo.py"
            return type("Spec", (), {"origin": str(origin)}) if name == "demo" else None

    with pytest.raises(UsageError, match=r"Hook imports 'demo' from .*--perf-python"):
        against(made, meta_path=[Hook()]).__enter__()


def test_an_interpreter_that_does_not_exist_is_a_usage_error(made):
    """`--perf-python` names a program, by path or as the shell would find it."""
    with against(made, python=sys.executable) as sides:
        assert sides.baseline.python == sides.candidate.python == Path(sys.executable)
    with pytest.raises(UsageError, match=r"--perf-python='\{tree\}/bin/python': no such program"):
        against(made, python="{tree}/bin/python").__enter__()


def _files(side):
    skipped = "__pycache__"
    return [p for p in sorted(side.tree.rglob("*")) if p.is_file() and skipped not in p.parts]
