"""What a run without perf tests pays for having the plugin: one small module and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_perfmon

# the children run beside no coverage and no inherited options, which would load modules too
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("COV", "PERFMON", "PYTEST"))
}
ENVIRONMENT |= {
    "PYTHONPATH": str(Path(pytest_perfmon.__file__).parents[1]),
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}
HEAVY = {"numpy", "tabulate", "jinja2", "sqlite3", "asyncio", "sqlalchemy", "multiprocessing"}
OURS = {"pytest_perfmon", "pytest_perfmon.plugin", "pytest_perfmon.plugin.hookspecs"}

# audit events cannot be missed by what raises them: each process start and each write is seen
PROBE = """
import json, os, sys
seen = {"processes": [], "writes": []}
STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn",
          "os.spawn", "os.startfile"}
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.copyfile",
           "sqlite3.connect", "tempfile.mkdtemp", "tempfile.mkstemp"}
def watch(event, args):
    if event in STARTS:
        seen["processes"].append(event)
    elif event in CHANGES:
        seen["writes"].append(f"{event} {args[0]!r}")
    elif event == "open" and args[0] != os.devnull:
        path, mode, flags = args
        if set(mode or "") & set("wax+") or (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            seen["writes"].append(f"open {path!r}")
sys.addaudithook(watch)
import pytest
code = pytest.main(sys.argv[1:])
print("PROBE", json.dumps({"code": int(code), "modules": sorted(sys.modules), **seen}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with an ordinary test file, and the probe beside it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "test_plain.py").write_text("def test_it():\n    assert True\n", encoding="utf-8")
    (folder / "probe.py").write_text(PROBE, encoding="utf-8")
    return folder


def run_probe(project, *options):
    """Run pytest on the project in a process of its own; gives what it loaded, started, wrote."""
    command = [sys.executable, "probe.py", "-p", "no:cacheprovider", "--capture=no", *options]
    done = subprocess.run(
        [*command, "test_plain.py"],
        cwd=project,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("PROBE ")]
    assert "1 passed" in done.stdout
    return json.loads(lines[0].removeprefix("PROBE "))


@pytest.fixture(scope="module")
def bare(project):
    """The run without the plugin."""
    return run_probe(project)


@pytest.fixture(scope="module")
def plugged(project):
    """The run with the plugin and nothing for it to do."""
    return run_probe(project, "-p", "pytest_perfmon.plugin")


def test_the_probe_sees_what_it_looks_for(project):
    """The probe reports a process, a file and a module, so that its silence means something."""
    (project / "busy.py").write_text(
        "import sqlite3, subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', ''], check=True)\n"
        "open('written', 'w').close()\n",
        encoding="utf-8",
    )
    busy = run_probe(project, "-p", "busy")
    (project / "written").unlink()
    assert "subprocess.Popen" in busy["processes"]
    assert "open 'written'" in busy["writes"]
    assert "sqlite3" in busy["modules"]


def test_no_process_is_started(plugged):
    """No git, no helper, no fork: a run without perf tests stays one process."""
    assert plugged["processes"] == []


def test_no_file_is_made(plugged, project):
    """Nothing is written anywhere, and no folder such as .perfmon appears."""
    assert plugged["writes"] == []
    assert {path.name for path in project.iterdir()} <= {"test_plain.py", "probe.py", "busy.py"}


def test_nothing_heavy_is_imported(plugged, bare):
    """Beyond what pytest itself loads, none of the heavy modules comes in."""
    loaded = {name.split(".")[0] for name in set(plugged["modules"]) - set(bare["modules"])}
    assert not loaded & HEAVY


def test_the_light_module_is_all_that_is_loaded_of_ours(plugged):
    """The rest of the plugin waits for the first perf test."""
    ours = {name for name in plugged["modules"] if name.split(".")[0] == "pytest_perfmon"}
    assert ours <= OURS


def test_the_light_module_is_short():
    """What every run loads stays under 200 lines and builds no dataclass."""
    door = Path(pytest_perfmon.__file__).parent / "plugin" / "__init__.py"
    source = door.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 200
    assert "dataclass" not in source


def test_the_package_imports_neither_pytest_nor_numpy():
    """An application that imports the monitor does not carry the test tools along."""
    names = ("errors", "units", "monitor.core", "monitor.ambient")
    imports = ", ".join(f"pytest_perfmon.{name}" for name in names)
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys, {imports}; print(json.dumps([*sys.modules]))"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & (HEAVY | {"pytest", "_pytest", "pluggy"})
