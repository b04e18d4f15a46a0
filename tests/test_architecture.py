"""The house rules of docs/architecture.md, read off the source: layers, lodgers, size, state."""

from __future__ import annotations

import ast
import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = "pytest_perfmon"
HOME = Path(*importlib.util.find_spec(PACKAGE).submodule_search_locations)
DRAWING = Path(__file__).parents[1] / "docs" / "architecture.md"

# the drawing, from the ground up; a part sees the rows below its own and nothing beside it
ROWS = (
    {"errors", "units", "model"},
    {"measure", "stats"},
    {"monitor", "verdicts", "storage"},
    {"web", "exporters", "instrument", "reporting", "formats", "duet", "testing"},
    {"plugin", "cli"},
    {"__main__"},
)
# arrows inside a row, each with the reason that docs/architecture.md gives at length
EXCEPTIONS = {
    ("units", "errors"): "a bad unit is a usage error",
    ("model", "errors"): "a newer schema is a usage error",
}
# the root re-exports: it sees every part below the shells, and no part sees it
ROOT = "__init__"
ROOT_SEES = set.union(*ROWS[:4])

# where a distribution that is not ours may be named, by its import name
LODGINGS = {
    "pytest": ("plugin", "testing"),
    "_pytest": (),
    "pluggy": ("plugin",),
    "xdist": ("plugin",),
    "hypothesis": ("plugin",),
    "tabulate": ("reporting.terminal",),
    "jinja2": ("reporting.html", "web.dashboard"),
    "sqlalchemy": (
        "storage.sql.place",
        "storage.sql.rows",
        "storage.sql.store",
        "storage.sql.tables",
        "storage.sql.upgrade",
        "instrument.sqlalchemy",
    ),
    "numpy": ("measure", "stats", "verdicts", "reporting", "exporters", "web"),
    "prometheus_client": ("exporters.prometheus",),
    "opentelemetry": ("exporters.otel",),
    "sentry_sdk": ("exporters.sentry",),
    "flask": ("web.flask",),
    "werkzeug": ("web.flask",),
    "js": ("exporters.cloudflare",),
    "pyodide": ("exporters.cloudflare",),
}
# named at the top of a module only where the module is there for nothing else
LAZY = {
    "numpy",
    "sqlalchemy",
    "prometheus_client",
    "opentelemetry",
    "sentry_sdk",
    "flask",
    "xdist",
    "hypothesis",
}

HARD_LIMIT = 400
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "lib"}

# calls that make an object which changes; names that a module may keep one by, with the reason
STATEFUL = {
    "bytearray",
    "ContextVar",
    "Counter",
    "defaultdict",
    "deque",
    "dict",
    "Event",
    "list",
    "local",
    "Lock",
    "OrderedDict",
    "PerformanceMonitor",
    "RLock",
    "set",
    "WeakKeyDictionary",
    "WeakSet",
    "WeakValueDictionary",
}
STATE_ALLOWED = {
    "monitor.ambient._process_monitor": "the ambient monitor of the process",
    "monitor.core.override": "the ambient monitor of a context, which comes before the process's",
    "monitor.core._monitors": "the monitors that a fork has to start anew in the child",
    "verdicts.alerts._edges": "those whose locks a fork has to free in the child",
    "monitor.slow._alerting": "the mark of a context in which an alert is being given",
    "exporters.lifetime._open": "the exporters to start anew in a forked child, and to close",
}
CHANGERS = {
    "add",
    "append",
    "appendleft",
    "clear",
    "discard",
    "extend",
    "insert",
    "pop",
    "popitem",
    "popleft",
    "remove",
    "setdefault",
    "sort",
    "update",
}


class Module(NamedTuple):
    """One source file, named without the package: `stats.quantiles`, `plugin.__init__`."""

    name: str
    path: Path

    @property
    def part(self) -> str:
        """The part of the drawing that it belongs to."""
        return self.name.split(".")[0]

    @property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return _parse(self.path)


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


MODULES = [
    Module(".".join(path.relative_to(HOME).with_suffix("").parts), path)
    for path in sorted(HOME.rglob("*.py"))
]
each_module = pytest.mark.parametrize("module", MODULES, ids=[one.name for one in MODULES])


def row_of(part: str) -> int:
    """Give the row of a part, counted from the ground."""
    return next(number for number, row in enumerate(ROWS) if part in row)


def imported(tree: ast.AST, module: str) -> list[str]:
    """Give the absolute dotted names that a tree imports, wherever the import stands."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = f"{PACKAGE}.{module}".split(".")[: -node.level]
                base = ".".join([*above, base] if base else above)
            if base == PACKAGE:
                names += [f"{base}.{alias.name}" for alias in node.names]
            else:
                names.append(base)
    return names


def parts_seen(module: Module) -> set[str]:
    """Give the other parts of the package that a module imports; the root for a re-export."""
    parts = set()
    for name in imported(module.tree, module.name):
        head, _, rest = name.partition(".")
        if head == PACKAGE:
            part = rest.split(".")[0]
            parts.add(part if any(part in row for row in ROWS) else ROOT)
    return parts - {module.part}


def at_import(tree: ast.Module) -> list[ast.stmt]:
    """Give the statements that run when a module is imported, `if TYPE_CHECKING:` left out."""
    running, waiting = [], list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            running.append(node)
            for field in ("body", "orelse", "finalbody"):
                waiting += getattr(node, field, [])
            waiting += [one for handler in getattr(node, "handlers", []) for one in handler.body]
    return running


def module_level_names(tree: ast.Module) -> dict[str, ast.expr]:
    """Give what a module binds at its top level by plain assignment."""
    bound = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            bound |= {one.id: node.value for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            bound[node.target.id] = node.value
    return bound


def changes_to(names: set[str], tree: ast.Module) -> list[str]:
    """Give the places in functions that change one of those module-level objects."""
    found = []
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        nodes = list(ast.walk(function))
        own = {one.arg for one in nodes if isinstance(one, ast.arg)}
        own |= {
            one.id for one in nodes if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
        }
        outer = names - own
        for node in nodes:
            target = None
            if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
                target = node.value
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in CHANGERS
            ):
                target = node.func.value
            if isinstance(target, ast.Name) and target.id in outer:
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


@each_module
def test_every_module_has_a_place_in_the_drawing(module):
    """A part that the drawing does not know cannot be added in passing."""
    assert module.name == ROOT or any(module.part in row for row in ROWS)


@each_module
def test_arrows_point_down(module):
    """A module imports its own part and the rows below; type-checking imports count too."""
    if module.name == ROOT:
        assert parts_seen(module) <= ROOT_SEES
        return
    here = row_of(module.part)
    wrong = {
        part
        for part in parts_seen(module)
        if part == ROOT or (row_of(part) >= here and (module.part, part) not in EXCEPTIONS)
    }
    assert not wrong, f"{module.name} must not import {sorted(wrong)}"


@pytest.mark.parametrize("arrow", EXCEPTIONS, ids=" -> ".join)
def test_an_exception_is_in_use_and_in_the_drawing(arrow):
    """Each exception is needed by a module and named in docs/architecture.md as `a -> b`."""
    user, used = arrow
    assert any(used in parts_seen(module) for module in MODULES if module.part == user)
    assert f"`{user} -> {used}`" in DRAWING.read_text(encoding="utf-8")


@each_module
def test_other_distributions_stand_where_they_may(module):
    """Each third-party import is in a module that is there for it; the rest is stdlib."""
    for name in imported(module.tree, module.name):
        top = name.split(".")[0]
        if top == PACKAGE or top in sys.stdlib_module_names:
            continue
        allowed = LODGINGS.get(top, ())
        assert any(module.name == one or module.name.startswith(f"{one}.") for one in allowed), (
            f"{module.name} must not import {top}"
        )


@each_module
def test_what_is_slow_to_import_is_imported_late(module):
    """Heavy distributions are imported in functions, or by the module that is there for them."""
    eager = {
        name.split(".")[0]
        for node in at_import(module.tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in imported(node, module.name)
    }
    assert not {name for name in eager & LAZY if module.name not in LODGINGS.get(name, ())}


@each_module
def test_a_module_is_small_and_named_for_what_it_holds(module):
    """No module exceeds the hard limit of lines, and none is a drawer for odds and ends."""
    assert len(module.path.read_text(encoding="utf-8").splitlines()) <= HARD_LIMIT
    assert not set(module.name.split(".")) & NAMELESS


@each_module
def test_no_module_keeps_state(module):
    """Module-level objects are constants: none is rebound, changed, or made to be changed."""
    bound = {
        name: value
        for name, value in module_level_names(module.tree).items()
        if f"{module.name}.{name}" not in STATE_ALLOWED
    }
    made_to_change = {
        name
        for name, value in bound.items()
        if isinstance(value, ast.Call)
        and ast.unparse(value.func).rsplit(".", 1)[-1].split("[")[0] in STATEFUL
    }
    rebound = {
        name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Global)
        for name in node.names
    }
    assert not made_to_change
    assert not rebound & set(bound)
    assert not changes_to(set(bound), module.tree)


class TestTheReadersThemselves:
    """The checks above see what they are meant to see."""

    @pytest.mark.parametrize(
        ("source", "names"),
        [
            ("import pytest_perfmon.stats.suite", ["pytest_perfmon.stats.suite"]),
            ("from pytest_perfmon import units", ["pytest_perfmon.units"]),
            ("from pytest_perfmon.model.run import Run", ["pytest_perfmon.model.run"]),
            ("from .control import read", ["pytest_perfmon.measure.control"]),
            ("from ..units import Scale", ["pytest_perfmon.units"]),
            ("def f():\n    import numpy as np", ["numpy"]),
            ("if TYPE_CHECKING:\n    from numpy.typing import NDArray", ["numpy.typing"]),
        ],
    )
    def test_every_form_of_import_is_seen(self, source, names):
        """Absolute, relative, nested and type-checking imports all give dotted names."""
        assert imported(ast.parse(source), "measure.rounds") == names

    def test_a_late_import_is_told_from_an_early_one(self):
        """Imports in functions and under TYPE_CHECKING do not run with the module."""
        source = (
            "if TYPE_CHECKING:\n    import a\nelse:\n    import b\n"
            "try:\n    import c\nexcept ImportError:\n    import d\n"
            "def f():\n    import e\n"
            "class C:\n    import f\n"
        )
        running = [node for node in at_import(ast.parse(source)) if isinstance(node, ast.Import)]
        assert {node.names[0].name for node in running} == {"b", "c", "d", "f"}

    @pytest.mark.parametrize(
        ("body", "changed"),
        [
            ("CACHE[1] = 2", True),
            ("CACHE.update(a=1)", True),
            ("del CACHE[1]", True),
            ("return CACHE[1]", False),
            ("CACHE = {}\n    CACHE[1] = 2", False),
        ],
    )
    def test_a_change_to_a_module_level_object_is_seen(self, body, changed):
        """Item assignment, deletion and changing methods count; a local of that name does not."""
        tree = ast.parse(f"CACHE = {{}}\ndef f():\n    {body}\n")
        assert bool(changes_to(set(module_level_names(tree)), tree)) is changed
