"""A worker's `sys.path`: what leads into the user's project leads into the side's tree instead."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

VARIABLE: Final = "PERFMON_SIDE"
"""The environment variable that says from where to where: JSON text of `relocation_to`."""


BALLAST: Final = bytes(int(os.environ.get("PERFMON_BALLAST", "0")))
"""Shifts the heap of a worker, by another random size in each, before the project is imported."""


def relocation_to(top: Path, tree: Path, environments: Iterable[Path]) -> str:
    """Describe a relocation for the variable.

    Args:
        top: of the user's project.
        tree: of the side.
        environments: directories below `top` that stay as they are.
    """
    return json.dumps([str(top), str(tree), [str(place) for place in environments]])


def relocate_sys_path() -> None:
    """Apply the relocation that the environment describes; for a `.pth` file knows no sides.

    The tree itself may lie below the top, where that is no repository's.
    """
    top, tree, environments = json.loads(os.environ[VARIABLE])
    stays = (tree, *environments)
    for position, entry in enumerate(sys.path):
        path = Path(entry).resolve()
        if path.is_relative_to(top) and not any(map(path.is_relative_to, stays)):
            sys.path[position] = str(Path(tree) / path.relative_to(top))
