"""Whose code a side ran: every way to compare a thing with itself unknowingly is an error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from git_projects import GitProject

from pytest_perfmon.duet.identity import ProjectNames, check_identity
from pytest_perfmon.duet.sides import Side, Sides
from pytest_perfmon.errors import UsageError

REPORT = (
    "import json, sys; "
    "print(json.dumps({n: getattr(m, '__file__', None) for n, m in sys.modules.items()}))"
)
LOAD_BY_FILE = (
    "import importlib.util as u; s = u.spec_from_file_location('demo', {file!r});"
    " sys.modules['demo'] = m = u.module_from_spec(s); s.loader.exec_module(m)"
)


@pytest.fixture
def sides(tmp_path):
    """Give two trees of a src-layout project with a namespace package, and its checkout."""
    made = GitProject(tmp_path / "user")
    trees = [tmp_path / name / "tree" for name in ("aa", "bb")]
    for place in (made.top, *trees):
        for name in ("src/demo/__init__.py", "src/demo/core.py", "src/family/part.py"):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text("")
        (place / "src" / "_fast.abi3.so").touch()
        (place / "conftest.py").touch()
    (trees[1] / "src" / "fresh.py").touch()  # new in the candidate
    baseline, candidate = (
        Side(name, label, "", tree, (tree / "src", tree))
        for name, label, tree in zip(("baseline", "candidate"), ("main", "now"), trees, strict=True)
    )
    project = made.project(prefixes=[str(made.top / ".venv")])
    return Sides(project, baseline, candidate, identical=False, tests=frozenset({"conftest.py"}))


def own(side, **others):
    """Report what a side loads when all is well, and other modules."""
    return {
        "demo": str(side.tree / "src/demo/__init__.py"),
        "family": None,
        "os": "/usr/lib/python/os.py",
        "numpy": "/site-packages/numpy/__init__.py",
        **others,
    }


def test_modules_of_a_sides_own_tree_are_what_is_wanted(sides):
    """The tree's own, the environment's and the standard library's modules are all right."""
    check_identity(sides, own(sides.baseline), own(sides.candidate, fresh=None))


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("demo", "/venv/site-packages/demo/__init__.py"),
        ("demo.core", "/venv/site-packages/demo/core.py"),
        ("demo._speed", "/venv/site-packages/demo/_speed.so"),  # in no tree, yet below `demo`
        ("family.part", "/venv/site-packages/family/part.py"),
        ("_fast", "/venv/site-packages/_fast.so"),
        ("fresh", "/venv/site-packages/fresh.py"),  # the baseline's tree has none
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_an_installed_copy_is_found_for_every_kind_of_module(sides, module, file, which):
    """Packages, submodules, extension and namespace modules from elsewhere name side and file."""
    reports = [own(sides.baseline), own(sides.candidate)]
    reports[which][module] = file
    name = ("baseline", "candidate")[which]
    with pytest.raises(UsageError, match=f"^the {name} imported '{module}' from '{file}'") as error:
        check_identity(sides, *reports)
    assert "an installed copy" in str(error.value)
    assert "--perf-setup" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_other_sides_tree_is_found_whatever_the_module(sides):
    """A module without a name of the project's, from the other tree, is an error too."""
    helper = str(sides.candidate.tree / "tests" / "helper.py")
    with pytest.raises(UsageError, match=r"the baseline imported 'helper' .*other's tree"):
        check_identity(sides, own(sides.baseline, helper=helper), own(sides.candidate))


def test_the_users_checkout_is_found_but_not_the_environment_in_it(sides):
    """A helper that a conftest's path brought from the checkout is an error, `.venv` is not."""
    top = sides.project.top
    installed = str(top / ".venv" / "lib" / "requests.py")
    check_identity(sides, own(sides.baseline, requests=installed), own(sides.candidate))
    helper = str(top / "tools" / "helper.py")
    with pytest.raises(UsageError, match=r"the candidate imported 'helper' .*a conftest"):
        check_identity(sides, own(sides.baseline), own(sides.candidate, helper=helper))


def test_a_link_into_the_checkout_does_not_hide_where_a_module_is(sides):
    """Files are looked at where they really are."""
    link = sides.baseline.tree / "src" / "linked.py"
    link.symlink_to(sides.project.top / "src" / "demo" / "core.py")
    with pytest.raises(UsageError, match="imported 'linked'"):
        check_identity(sides, own(sides.baseline, linked=str(link)), own(sides.candidate))


def test_loading_nothing_of_the_project_is_an_error(sides):
    """Where only the shared tests and the environment were loaded, nothing was compared."""
    files = [
        {"conftest": str(side.tree / "conftest.py"), "numpy": "/site-packages/numpy/__init__.py"}
        for side in (sides.baseline, sides.candidate)
    ]
    with pytest.raises(UsageError, match="nothing was compared"):
        check_identity(sides, *files)
    check_identity(sides, files[0], own(sides.candidate))


def test_names_of_the_standard_library_and_of_others_are_not_the_projects(sides):
    """A file `types.py` in a tree does not make the standard library's an impostor."""
    (sides.baseline.tree / "src" / "types.py").touch()
    names = ProjectNames((sides.baseline, sides.candidate))
    assert "types" not in names
    assert "family" not in names
    assert "family.other" not in names
    assert "demolition" not in names
    assert {"demo", "demo.any.thing", "family.part"} == {
        name for name in ("demo", "demo.any.thing", "family.part") if name in names
    }


def test_a_package_that_shares_its_name_is_a_namespace(sides):
    """An `__init__.py` that calls `extend_path` claims only what its own tree holds."""
    shared = sides.baseline.tree / "src" / "shared"
    shared.mkdir()
    (shared / "__init__.py").write_text(
        "__path__ = __import__('pkgutil').extend_path(__path__, '')"
    )
    (shared / "ours.py").touch()
    names = ProjectNames((sides.baseline,))
    assert "shared" in names
    assert "shared.ours" in names
    assert "shared.theirs" not in names


def run(side, code, *python_options):
    """Run a side's interpreter the way a worker would and give the report it makes."""
    path = [str(entry) for entry in side.path]
    program = f"import sys; sys.path[:0] = {path!r}\n{code}\n{REPORT}"
    done = subprocess.run(
        [sys.executable, *python_options, "-c", program],
        cwd=side.tree,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "trick",
    [
        "sys.path.insert(0, {checkout!r})",
        "import site; site.addsitedir({pth!r}); sys.path.insert(0, sys.path.pop())",
        LOAD_BY_FILE,
        "import os; os.chdir({checkout!r}); sys.path.insert(0, '')",
        "sys.path.insert(0, {installed!r})",
        "import demo; demo.__path__.insert(0, {package!r}); import demo.core",
    ],
    ids=["conftest path", "pth file", "importlib mode", "cwd", "installed copy", "package path"],
)
def test_real_imports_that_miss_the_tree_are_found(sides, tmp_path, trick):
    """Whatever trick of the import system leads elsewhere, the file that was run gives it away."""
    checkout = sides.project.top / "src"
    pth, installed = tmp_path / "pth", tmp_path / "installed"
    pth.mkdir()
    (pth / "demo.pth").write_text(str(checkout))
    (installed / "demo").mkdir(parents=True)
    (installed / "demo" / "__init__.py").touch()
    places = {
        "checkout": str(checkout),
        "file": str(checkout / "demo" / "__init__.py"),
        "installed": str(installed),
        "package": str(checkout / "demo"),
        "pth": str(pth),
    }
    good = run(sides.candidate, "import demo")
    check_identity(sides, run(sides.baseline, "import demo"), good)
    with pytest.raises(UsageError, match=r"^the baseline imported 'demo"):
        check_identity(sides, run(sides.baseline, trick.format(**places) + "\nimport demo"), good)


def test_a_path_of_the_project_has_its_place_in_each_tree(sides):
    """Paths are mapped by their place below the top; those of others stay as they are."""
    top = sides.project.top
    assert sides.mapped(top / "src" / "x.py", sides.baseline) == sides.baseline.tree / "src/x.py"
    assert sides.mapped(top, sides.candidate) == sides.candidate.tree
    assert sides.mapped(Path("/etc/x.ini"), sides.baseline) == Path("/etc/x.ini")
    assert sides.mapped(top / ".venv" / "x", sides.baseline) == top / ".venv" / "x"
    assert sides.other(sides.baseline) is sides.candidate
    assert sides.other(sides.candidate) is sides.baseline
