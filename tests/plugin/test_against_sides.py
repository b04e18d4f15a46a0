"""`--perf-against` on every kind of side and layout, by real workers: whose code is it that ran?

The baseline's work takes 1 ms of the scripted clock and the candidate's 3 ms. An effect of +200 %
can therefore only come of the two sides having run different code, each its own.
"""

from __future__ import annotations

import importlib.machinery
import json
import py_compile
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from duet.git_projects import GitProject, left_over, write_wheel

IGNORED = "__pycache__/\n.pytest_cache/\n*.egg-info/\n*.so\nbuild/\n"
TEST = """
import {module} as product


def test_work(perf_monitor, perf_clock):
    perf_monitor(product.work, perf_clock)
"""

pytestmark = pytest.mark.slow


def work(milliseconds):
    """Write a module whose work takes so long on the test's clock."""
    return f"def work(clock):\n    clock.advance({milliseconds}_000_000)\n"


def pytest_ini(**settings):
    """Write a configuration file."""
    return "[pytest]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())


class Comparison:
    """A project in a repository, compared by pytest runs in processes of their own.

    Attributes:
        made: the project and its repository.
        place: where pytest is called.
        python: what calls it.
    """

    def __init__(self, project, made):
        self.made = made
        self.place = made.top
        self.python = sys.executable
        self._loading = [part for name in project.plugins for part in ("-p", name)]

    def lay_out(self, module="demo/__init__.py", test="test_it.py", name="demo", **others):
        """Commit a project whose work takes 1 ms; in the working tree it takes 3 ms."""
        files = {"pytest.ini": pytest_ini(), ".gitignore": IGNORED, **others}
        files |= {module: work(1), test: TEST.format(module=name)}
        self.made.commit(files)
        self.made.put(module, work(3))

    def run(self, base="HEAD", *options):
        """Compare; give the finished process."""
        report = self.made.top.parent / "report.json"
        report.unlink(missing_ok=True)
        command = [self.python, "-m", "pytest", *self._loading, "-p", "no:cacheprovider"]
        command += [f"--perf-against={base}", "--perf-blocks=2", f"--perf-json={report}", *options]
        return subprocess.run(
            command, cwd=self.place, capture_output=True, text=True, check=False, timeout=120
        )

    def effect(self, base="HEAD", *options):
        """Compare, and give the one verdict's change as a share."""
        done = self.run(base, *options)
        tests = json.loads((self.made.top.parent / "report.json").read_text("utf-8"))["tests"]
        verdicts = [verdict for test in tests for verdict in test["verdicts"]]
        assert len(verdicts) == 1, done.stdout + done.stderr
        assert verdicts[0]["comparison"] is not None, verdicts[0]["reason"]
        return verdicts[0]["comparison"]["effect"]

    def refusal(self, base="HEAD", *options):
        """Compare what cannot be; give the one line that says why."""
        done = self.run(base, *options)
        assert done.returncode == 4, done.stdout + done.stderr
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        assert len(lines) == 1, done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert left_over(self.made.cache / "pytest-perfmon") == []
        return lines[0]

    def environment(self, path_file=None):
        """Call pytest by an environment of the project's own; give its site directory."""
        home = self.made.top.parent / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
        scheme = sysconfig.get_preferred_scheme("prefix")
        base = {"base": str(home), "platbase": str(home)}
        site = Path(sysconfig.get_path("purelib", scheme, vars=base))
        ours = sysconfig.get_path("purelib")
        (site / "tools.pth").write_text(f"{ours}\n")
        if path_file is not None:
            (site / "project.pth").write_text(f"{path_file}\n")
        self.python = str(home / "bin" / "python")
        return site


different = pytest.approx(2.0, abs=1e-3)


@pytest.fixture
def comparison(project, tmp_path, monkeypatch):
    """An empty project in a repository, and a cache directory of the test's own."""
    made = GitProject(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(made.cache))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    return Comparison(project, made)


@pytest.mark.parametrize("base", ["HEAD", "main", "HEAD~1", "merge-base:main", "base-tag"])
def test_a_commit_is_run_as_it_was(comparison, base):
    """A branch, a tag, an ancestor and a merge base each give the commit's own code."""
    comparison.lay_out()
    comparison.made.git("tag", "base-tag")
    if base == "HEAD~1":
        comparison.made.commit({"demo/__init__.py": work(3)})
    if base == "merge-base:main":
        comparison.made.git("checkout", "-q", "-b", "topic")
        comparison.made.commit({"demo/__init__.py": work(3)})
    assert comparison.effect(base) == different


@pytest.mark.parametrize("base", ["dir:../older", "../older"])
def test_a_directory_is_run_as_it_is(comparison, base):
    """A directory stands for its own files, with the prefix and without."""
    comparison.lay_out()
    older = comparison.made.top.parent / "older"
    shutil.copytree(comparison.made.top, older, ignore=shutil.ignore_patterns(".git"))
    (older / "demo" / "__init__.py").write_text(work(1))
    assert comparison.effect(base) == different


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """All that pip can see: two releases of `demo`, of 1 ms and of 3 ms."""
    directory = tmp_path / "shelf"
    for version, milliseconds in (("1.0", 1), ("2.0", 3)):
        write_wheel(directory, "demo", version, {"demo/__init__.py": work(milliseconds)})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))


@pytest.mark.usefixtures("shelf")
def test_the_working_tree_is_compared_with_a_release(comparison):
    """`pip:` puts the release in the place of the project's package."""
    comparison.lay_out()
    assert comparison.effect("pip:demo==1.0") == different


@pytest.mark.usefixtures("shelf")
def test_two_releases_are_compared_with_the_tests_at_hand(comparison):
    """`--perf-candidate=pip:` leaves the working tree's own code out of it."""
    comparison.lay_out()
    comparison.made.put("demo/__init__.py", work(7))
    assert comparison.effect("pip:demo==1.0", "--perf-candidate=pip:demo==2.0") == different


@pytest.mark.usefixtures("shelf")
def test_a_release_that_pip_cannot_find_is_a_usage_error(comparison):
    """The line names what was asked for."""
    comparison.lay_out()
    assert "pip cannot install 'demo==9.9'" in comparison.refusal("pip:demo==9.9")


@pytest.mark.parametrize(
    ("module", "test", "name", "others"),
    [
        ("demo/__init__.py", "test_it.py", "demo", {}),
        ("src/demo/__init__.py", "tests/test_it.py", "demo", {"pythonpath": "src"}),
        ("demo/core.py", "demo/tests/test_it.py", "demo.core", {}),
        ("spread/part/__init__.py", "tests/test_it.py", "spread.part", {"pythonpath": "."}),
    ],
    ids=["flat", "src", "tests inside", "namespace"],
)
def test_each_side_runs_its_own_code_in_every_layout(comparison, module, test, name, others):
    """Flat and src layouts, tests inside the package, and namespace packages are compared."""
    files = {"pytest.ini": pytest_ini(**others)}
    if "demo/tests" in test:
        files |= {"demo/__init__.py": "", "demo/tests/__init__.py": ""}
    comparison.lay_out(module, test, name, **files)
    assert comparison.effect() == different


def test_a_project_in_a_subdirectory_of_its_repository_is_compared(comparison):
    """In a monorepo pytest is called where the project is."""
    inner = {"services/api/pytest.ini": pytest_ini()}
    comparison.lay_out("services/api/demo/__init__.py", "services/api/test_it.py", **inner)
    comparison.place = comparison.made.top / "services" / "api"
    assert comparison.effect() == different


def test_a_plain_editable_install_is_led_into_each_tree(comparison):
    """A .pth file that leads into the checkout leads neither side there."""
    comparison.lay_out("src/demo/__init__.py", "tests/test_it.py")
    comparison.environment(path_file=comparison.made.top / "src")
    assert comparison.effect() == different


def test_a_finder_style_editable_install_is_led_into_each_tree(comparison):
    """What `pip install -e` makes of a flat layout does not bring the checkout to either side."""
    project_table = '[project]\nname = "demo"\nversion = "1"\n'
    backend = '[build-system]\nrequires = []\nbuild-backend = "setuptools.build_meta"\n'
    packages = '[tool.setuptools]\npackages = ["demo"]\n'
    text = backend + project_table + packages
    comparison.lay_out(test="tests/test_it.py", **{"pyproject.toml": text})
    site = comparison.environment()
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run(
        [comparison.python, *install, "-e", comparison.made.top], check=True, capture_output=True
    )
    assert list(site.glob("__editable___demo_*_finder.py"))
    assert comparison.effect() == different


def test_an_installed_copy_does_not_hide_the_trees(comparison):
    """With `demo` installed too, each side still runs its tree's."""
    comparison.lay_out("src/demo/__init__.py", "tests/test_it.py")
    copy = comparison.environment() / "demo"
    copy.mkdir()
    (copy / "__init__.py").write_text(work(5))
    assert comparison.effect() == different


def test_an_installed_copy_that_a_conftest_prefers_is_refused(comparison):
    """A copy ahead of both trees is the same code twice: nothing is compared, and it is said."""
    copies = comparison.made.top.parent / "copies"
    (copies / "demo").mkdir(parents=True)
    (copies / "demo" / "__init__.py").write_text(work(5))
    ahead = f"import sys\nsys.path.insert(0, {str(copies)!r})\n"
    comparison.lay_out("lib/demo/__init__.py", **{"conftest.py": ahead})
    said = comparison.refusal()
    assert "nothing was compared" in said


def test_a_conftest_that_leads_into_the_checkout_is_refused(comparison):
    """An absolute path of the user's would give both sides the working tree's code."""
    source = comparison.made.top / "lib"
    ahead = f"import sys\nsys.path.insert(0, {str(source)!r})\n"
    comparison.lay_out("lib/demo/__init__.py", **{"conftest.py": ahead})
    said = comparison.refusal()
    assert "and not from its own tree" in said
    assert str(source) in said


def test_a_conftest_with_a_path_of_its_own_place_is_followed(comparison):
    """A path made of `__file__` is each side's own."""
    ahead = "import pathlib, sys\nsys.path.insert(0, str(pathlib.Path(__file__).parent / 'lib'))\n"
    comparison.lay_out("lib/demo/__init__.py", **{"conftest.py": ahead})
    assert comparison.effect() == different


def test_a_rootdir_elsewhere_is_refused(comparison):
    """With a rootdir outside of the repository there is no telling which files are the project."""
    comparison.lay_out()
    elsewhere = comparison.made.top.parent / "elsewhere"
    elsewhere.mkdir()
    said = comparison.refusal("HEAD", f"--rootdir={elsewhere}", "test_it.py")
    assert "in no git repository" in said


def test_importlib_mode_is_compared(comparison):
    """`--import-mode=importlib` reaches the workers and keeps the sides apart."""
    comparison.lay_out("src/demo/__init__.py", "tests/test_it.py")
    comparison.made.put(
        "pytest.ini", pytest_ini(pythonpath="src", addopts="--import-mode=importlib")
    )
    assert comparison.effect() == different


def test_stale_bytecode_is_not_run(comparison):
    """Bytecode of the baseline, marked as never to be checked, lies beside the candidate's source.

    A plain run of Python would take it for the source.
    """
    comparison.lay_out()
    module = comparison.made.top / "demo" / "__init__.py"
    module.write_text(work(1))
    py_compile.compile(str(module), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    module.write_text(work(3))
    assert comparison.effect() == different


def test_tests_that_load_nothing_of_the_project_are_refused(comparison):
    """Where only what both sides share was run, there was no comparison."""
    comparison.lay_out()
    own = (
        "def test_work(perf_monitor, perf_clock):\n    perf_monitor(perf_clock.advance, 1000000)\n"
    )
    comparison.made.put("test_it.py", own)
    assert "nothing was compared" in comparison.refusal()


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_an_extension_that_setup_builds_is_compared(comparison):
    """`--perf-setup` compiles each side's C; without it, the built file at hand is refused."""
    library = f"_fast{importlib.machinery.EXTENSION_SUFFIXES[0]}"
    source = """
        #include <Python.h>
        static PyObject *cost(PyObject *self, PyObject *none) { return PyLong_FromLong(%d); }
        static PyMethodDef methods[] = {{"cost", cost, METH_NOARGS, ""}, {0}};
        static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_fast", "", -1, methods};
        PyMODINIT_FUNC PyInit__fast(void) { return PyModule_Create(&module); }
    """
    product = "from demo._fast import cost\n\n\ndef work(clock):\n    clock.advance(cost())\n"
    comparison.lay_out()
    comparison.made.commit({"demo/_fast.c": source % 1_000_000, "demo/__init__.py": product})
    comparison.made.put("demo/_fast.c", source % 3_000_000)
    include = sysconfig.get_path("include")
    command = f"cc -shared -fPIC -I{include} {{tree}}/demo/_fast.c -o {{tree}}/demo/{library}"
    here = command.replace("{tree}", str(comparison.made.top))
    subprocess.run(here.split(), check=True)
    assert "--perf-setup=CMD" in comparison.refusal()
    assert comparison.effect("HEAD", f"--perf-setup={command}") == different


def test_history_that_was_never_fetched_is_a_usage_error(comparison, tmp_path):
    """In a shallow clone the line says how to get the rest."""
    comparison.lay_out()
    comparison.made.commit({"demo/__init__.py": work(3)})
    clone = tmp_path / "clone"
    origin = comparison.made.top.as_uri()
    comparison.made.git("clone", "-q", "--depth=1", origin, str(clone))
    comparison.place = clone
    assert "git fetch --unshallow" in comparison.refusal("HEAD~1")


def test_a_submodule_in_base_is_a_usage_error(comparison, tmp_path):
    """The line names the submodule and the way round it."""
    other = GitProject(tmp_path, "other")
    other.commit({"part.py": ""})
    comparison.lay_out()
    comparison.made.git("submodule", "--quiet", "add", str(other.top), "vendored")
    comparison.made.commit({})
    said = comparison.refusal()
    assert "submodule 'vendored'" in said
    assert "dir:PATH" in said
