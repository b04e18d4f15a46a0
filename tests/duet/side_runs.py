"""Comparisons prepared and sides run as the conductor would, for tests of trees and builds."""

from __future__ import annotations

import json
import subprocess
import sys

from pytest_perfmon.duet.identity import check_identity
from pytest_perfmon.duet.revisions import parse_side
from pytest_perfmon.duet.sides import WorkingTree
from pytest_perfmon.duet.trees import prepare

MODULES = "{n: m.__file__ and os.path.abspath(m.__file__) for n, m in sys.modules.items()\n"
MODULES += "           if hasattr(m, '__file__')}"


def run_side(side, code):
    """Run code as a side would; give its value `result` and where its modules came from."""
    path = [str(entry) for entry in side.path]
    program = (
        f"import json, os, sys\nsys.path[:0] = {path!r}\n{code}\n"
        f"print(json.dumps([result, {MODULES}]))"
    )
    python = side.python or sys.executable
    command = [python, "-c", program]
    done = subprocess.run(command, cwd=side.tree, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def both(sides, code):
    """Run code on both sides, check whose modules were loaded, and give both values."""
    reports = [run_side(side, code) for side in (sides.baseline, sides.candidate)]
    check_identity(sides, reports[0][1], reports[1][1])
    return tuple(value for value, _ in reports)


def against(made, text="HEAD", *tests, candidate=None, root=".", setup=None, python=None, **facts):
    """Prepare the comparison of a project's working tree with BASE."""
    return prepare(
        parse_side(text, made.top),
        candidate or WorkingTree(),
        project=made.project(*tests, root=root, **facts),
        cache_dir=made.cache,
        setup=setup,
        python=python,
    )
