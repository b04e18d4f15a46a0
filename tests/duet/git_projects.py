"""Small projects in real git repositories, made for tests that compare revisions."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zipfile
from pathlib import Path

from pytest_perfmon.duet.project import Project, describe_project

SLOW = "def work():\n    return 1\n"
FAST = "def work():\n    return 2\n"
TEST = "import demo\n\n\ndef test_work():\n    demo.work()\n"
_IDENTITY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
_SETTINGS = ("-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always")


class GitProject:
    """A project below `home`, with its repository, its cache directory outside of it."""

    def __init__(self, home: Path, name: str = "project"):
        self.top = home / name
        self.cache = home / "cache"
        self.top.mkdir(parents=True)
        self.git("init", "-q")

    def git(self, *arguments: str) -> str:
        """Run git in the repository as somebody, without the machine's configuration."""
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *_IDENTITY, *_SETTINGS, *arguments],
            cwd=self.top,
            env={**os.environ, **quiet},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def put(self, name: str, text: str) -> Path:
        """Write one file by its path."""
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self, files: dict[str, str]) -> str:
        """Write files, commit everything that is not ignored, and give the commit's id."""
        for name, text in files.items():
            self.put(name, text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self.git("rev-parse", "HEAD")

    def project(self, *tests: str, root: str = ".", **facts) -> Project:
        """Describe the project as a pytest process with those collected test modules would."""
        facts.setdefault("sys_path", [str(self.top / root)])
        facts.setdefault("meta_path", [])
        modules = [self.top / name for name in tests]
        return describe_project(self.top / root, test_modules=modules, **facts)

    def bytes(self) -> dict[str, str]:
        """Digest everything in the working tree, `.git` included: content, kind and mode."""
        found = {}
        for here, directories, names in os.walk(self.top):
            for name in (*directories, *names):
                path = Path(here, name)
                mode = path.lstat().st_mode
                content = (
                    str(path.readlink())
                    if path.is_symlink()
                    else hashlib.sha256(path.read_bytes()).hexdigest()
                    if path.is_file()
                    else ""
                )
                found[path.relative_to(self.top).as_posix()] = f"{mode} {content}"
        return found


def left_over(cache: Path) -> list[str]:
    """Name what a cache directory still holds of trees and locks."""
    trees = cache / "trees"
    return sorted(entry.name for entry in trees.iterdir()) if trees.is_dir() else []


def write_wheel(directory: Path, name: str, version: str, files: dict[str, str]) -> Path:
    """Write a pure-Python wheel that pip installs without building anything."""
    directory.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    meta = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    everything = {**files, **meta}
    record = "".join(f"{path},,\n" for path in (*everything, f"{info}/RECORD"))
    wheel = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**everything, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return wheel
