"""Whether each side ran its own code: the check that a comparison is one.

After its last slice a worker reports where every module it holds came from. A module of the
project that came from the other tree, the user's checkout or site-packages would make the
comparison one of a thing with itself, and that is a usage error, never a result.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from pytest_perfmon.duet.build import is_namespace
from pytest_perfmon.duet.sides import Side, Sides
from pytest_perfmon.errors import UsageError

_OWN_ENVIRONMENT: Final = (
    "--perf-setup and --perf-python={tree}/… give each side an environment of its own"
)


def check_identity(
    sides: Sides, baseline: Mapping[str, str | None], candidate: Mapping[str, str | None]
) -> None:
    """Check that every module of the project came from its own side's tree.

    Args:
        sides: the trees that were compared.
        baseline: in that side's workers, `__file__` by module name; None for modules without.
        candidate: the same of the other side.

    Raises:
        UsageError: naming the side, the module, its file and the remedy; also where neither side
            loaded anything of the project but the tests, which both have alike.
    """
    names = ProjectNames((sides.baseline, sides.candidate))
    reports = ((sides.baseline, baseline), (sides.candidate, candidate))
    for side, files in reports:
        for module, file in sorted(files.items()):
            remedy = _fault(sides, side, names, module, file) if file is not None else None
            if remedy is not None:
                raise UsageError(
                    f"the {side.name} imported {module!r} from {file!r} and not from its own tree,"
                    f" so this would not compare {sides.baseline.label} with"
                    f" {sides.candidate.label}: {remedy}"
                )
    if not any(
        module in names and _can_differ(sides, side, file)
        for side, files in reports
        for module, file in files.items()
    ):
        raise UsageError(
            "neither side imported a module of the project from its tree but for the tests, which"
            " are the same in both: nothing was compared; if the code is imported from somewhere"
            f" else, {_OWN_ENVIRONMENT}"
        )


@dataclass(frozen=True, slots=True)
class ProjectNames:
    """Which module names are the project's: those that a file of either tree stands for.

    Everything below a regular package of a tree is; of a namespace package only the parts that a
    tree holds; of the standard library's names none.
    """

    sides: tuple[Side, ...]
    _known: dict[str, bool] = field(default_factory=dict)

    def __contains__(self, module: str) -> bool:
        known = self._known.get(module)
        if known is None:
            parts = tuple(module.split("."))
            known = parts[0] not in sys.stdlib_module_names and any(
                _holds(place, parts) for side in self.sides for place in side.path
            )
            self._known[module] = known
        return known


def _holds(place: Path, parts: tuple[str, ...]) -> bool:
    *packages, last = parts
    for package in packages:
        place = place / package
        if not is_namespace(place):
            return True
    return (place / last / "__init__.py").is_file() or any(
        (place / f"{last}{suffix}").is_file() for suffix in importlib.machinery.all_suffixes()
    )


def _fault(sides: Sides, side: Side, names: ProjectNames, module: str, file: str) -> str | None:
    """Say what to do about a module that is not the side's own; None where all is well."""
    path = _resolved(file)
    if path.is_relative_to(side.tree):
        return None
    if path.is_relative_to(sides.other(side).tree):
        return f"something leads one side into the other's tree; {_OWN_ENVIRONMENT}"
    if sides.project.name_of(path) is not None:
        return (
            "a conftest, a .pth file, PYTHONPATH or an option leads there; use paths relative to"
            f" the tests' own files, or {_OWN_ENVIRONMENT}"
        )
    if module in names:
        return f"an installed copy hides the tree; uninstall it, or {_OWN_ENVIRONMENT}"
    return None


def _can_differ(sides: Sides, side: Side, file: str | None) -> bool:
    """Tell whether a file lies in the side's tree and is none that both sides have alike."""
    path = _resolved(file) if file is not None else None
    return (
        path is not None
        and path.is_relative_to(side.tree)
        and path.relative_to(side.tree).as_posix() not in sides.tests
    )


def _resolved(file: str) -> Path:
    """Follow links, those of the hundreds of modules in one directory once."""
    path = Path(file)
    return path.resolve() if path.is_symlink() else _directory(str(path.parent)) / path.name


@cache
def _directory(path: str) -> Path:
    return Path(path).resolve()
