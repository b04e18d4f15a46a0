"""Versions of pytest-benchmark in environments of their own, and files that they write.

The files in `written` come from here too, each from a version and Python of its time:
`python tests/formats/benchmark_versions.py PYTHON NAME`, where PYTHON has that version installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

WRITTEN: Final = Path(__file__).parent / "written"
REQUIREMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "3.4.1": ("pytest<8", "py", "setuptools"),  # it imports distutils and py.io
    "4.0.0": ("pytest<9",),
    "5.0.0": ("pytest<9",),
    "5.3.1": (),
}
"""By version: what it needs beside itself to run on the Python of this suite."""

SAMPLE: Final = """
import pytest

@pytest.mark.parametrize("size", [10, 1000], ids=["small", "big"])
def test_sort(benchmark, size):
    benchmark.pedantic(sorted, args=(list(range(size)),), rounds=40, iterations=5)

class TestText:
    @pytest.mark.benchmark(group="text")
    def test_join(self, benchmark):
        benchmark.pedantic(" ".join, args=(["word"] * 50,), rounds=80)
"""


class UnavailableError(Exception):
    """The environment cannot be made here."""


class Files(NamedTuple):
    """The two files of a run: with every value, and as `--benchmark-save` leaves them."""

    with_data: bytes
    without_data: bytes


def environment(version: str) -> Path:
    """Give the interpreter of an environment with that version; kept in the user's cache.

    Raises:
        UnavailableError: it cannot be installed, with pip's reason.
    """
    home = _cache() / f"pytest-benchmark-{version}-on-{sys.version_info[0]}.{sys.version_info[1]}"
    inside = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    if not (home / inside).exists():
        making = home.with_name(f"{home.name}.{os.getpid()}")
        try:
            _run([sys.executable, "-m", "venv", "--without-pip", making], Path.cwd())
            pip = [sys.executable, "-m", "pip", "--python", making / inside, "install", "--quiet"]
            requirements = (f"pytest-benchmark=={version}", *REQUIREMENTS[version])
            _run([*pip, "--disable-pip-version-check", *requirements], Path.cwd())
            if not home.exists():  # another worker may have been faster
                making.rename(home)
        except subprocess.CalledProcessError as error:
            raise UnavailableError(error.stderr.strip().splitlines()[-1]) from None
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return home / inside


def write_files(python: Path, directory: Path) -> Files:
    """Run the sample in a repository of its own and give what was written."""
    (directory / "test_sample.py").write_text(SAMPLE, encoding="utf-8")
    git = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    _run(["git", "init", "--quiet", "--initial-branch=main"], directory)
    _run([*git, "add", "."], directory)
    _run([*git, "commit", "--quiet", "--no-gpg-sign", "--message=Sample"], directory)
    options = ["-p", "no:cacheprovider", "--benchmark-storage=file://./saved", "--benchmark-save=a"]
    _run([python, "-m", "pytest", "-q", *options, "--benchmark-json=full.json"], directory)
    (saved,) = directory.rglob("*_a.json")
    return Files((directory / "full.json").read_bytes(), saved.read_bytes())


def run_tool(python: Path, directory: Path, *arguments: str) -> str:
    """Run pytest-benchmark's own command on files, and give what it printed."""
    return _run([python, "-m", "pytest_benchmark", *arguments], directory)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "pytest-perfmon"


def _run(command: list[str | Path], directory: Path) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        list(map(str, command)),
        cwd=directory,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def _anonymous(data: bytes) -> bytes:
    """Take out what tells one machine from another, in the layout that it was written in."""
    saved = json.loads(data)
    about = saved["machine_info"]
    about |= {"node": "", "release": "", "python_compiler": ""}
    if "cpu" in about:
        about["cpu"] = {"brand_raw": "A processor @ 2.00GHz", "count": 4}
    return json.dumps(saved, indent=4).encode()


if __name__ == "__main__":
    interpreter, name = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        sample = Path(place) / "sample"
        sample.mkdir()
        files = write_files(Path(interpreter), sample)
    (WRITTEN / f"{name}.json").write_bytes(_anonymous(files.with_data))
    (WRITTEN / f"{name}-saved.json").write_bytes(_anonymous(files.without_data))
