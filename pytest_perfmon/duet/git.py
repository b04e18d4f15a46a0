"""Git, read only: every question this package asks of a repository, and none that writes into it.

Optional locks, hooks, the file system monitor and git-lfs are switched off in each call, for any of
them could write below `.git`; a temporary index lives where the caller says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfmon.errors import UsageError

_NEVER_WRITE: Final = (
    "--no-optional-locks",
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    # git-lfs downloads into the repository when asked for a file's contents
    *("-c", "filter.lfs.smudge="),
    *("-c", "filter.lfs.process="),
    *("-c", "filter.lfs.required=false"),
)
# set while git runs a hook such as pre-push, where they would lead every call astray
_LOCATION_VARIABLES: Final = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)


@dataclass(frozen=True, slots=True)
class Git:
    """One repository's working tree, asked and never changed.

    Attributes:
        top: the top directory of the working tree, resolved.
    """

    top: Path

    @classmethod
    def find(cls, directory: Path) -> Git | None:
        """Give the repository whose files include that directory; None where there is none.

        A directory that its repository ignores is no part of it.

        Raises:
            UsageError: where git refuses to read the repository, with git's reason.
        """
        shown = _call(directory, "rev-parse", "--show-toplevel")
        if shown.returncode:
            if "dubious ownership" in _text(shown.stderr):
                raise UsageError(
                    f"git refuses to read the repository of {str(directory)!r}, which another user"
                    " owns: allow it with git config --global --add safe.directory"
                )
            return None
        found = cls(Path(_text(shown.stdout)).resolve())
        resolved = directory.resolve()
        if resolved != found.top and not _call(resolved, "check-ignore", "-q", ".").returncode:
            return None
        return found

    def commit(self, ref: str) -> str | None:
        """Resolve a branch, tag, commit or expression such as `HEAD~3`; None where unknown."""
        found = self._ask(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
        )
        return _text(found.stdout) if not found.returncode else None

    def merge_base(self, commit: str) -> str | None:
        """Give the commit where HEAD's history and that commit's parted; None where none is."""
        found = self._ask("merge-base", "HEAD", commit)
        return _text(found.stdout) if not found.returncode else None

    def shallow(self) -> bool:
        """Tell whether the history was cut when it was fetched."""
        return _text(self._ask("rev-parse", "--is-shallow-repository").stdout) == "true"

    def submodules(self, commit: str) -> tuple[str, ...]:
        """Name the directories that belong to other repositories in that commit."""
        listed = self._must("ls-tree", "-r", "-z", commit)
        return tuple(
            entry.partition("\t")[2] for entry in _names(listed) if entry.startswith("160000 ")
        )

    def absent_objects(self, commit: str) -> int:
        """Count the commit's objects that a partial clone has not fetched; asks no server."""
        promisor = self._ask(
            "config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$"
        )
        if promisor.returncode:
            return 0
        listed = self._must("rev-list", "--objects", "--no-walk", "--missing=print", commit)
        return sum(line.startswith(b"?") for line in listed.splitlines())

    def check_out(self, commit: str, tree: Path, index: Path) -> None:
        """Write the commit's files, export-ignored ones too, below `tree`, through that index."""
        through = {"GIT_INDEX_FILE": str(index)}
        self._must("read-tree", commit, extra=through)
        self._must("checkout-index", "--all", "--quiet", f"--prefix={tree}{os.sep}", extra=through)

    def working_files(self) -> tuple[str, ...]:
        """Name the files as they are now: tracked, or untracked and not ignored; sorted.

        Repositories inside the working tree, submodules or not, give their files too. A tracked
        file that was deleted is left out.
        """
        listed = self._must("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names: list[str] = []
        for name in {entry.rstrip("/") for entry in _names(listed)}:
            path = self.top / name
            if path.is_symlink() or path.is_file():
                names.append(name)
            elif (path / ".git").exists():
                names.extend(f"{name}/{inner}" for inner in Git(path).working_files())
        return tuple(sorted(names))

    def ignored_files(self) -> tuple[str, ...]:
        """Name the ignored files in directories that also hold others; sorted.

        A directory that is ignored as a whole (`.venv`, `__pycache__`) is left out.
        """
        listed = self._must(
            "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"
        )
        return tuple(sorted(name for name in _names(listed) if not name.endswith("/")))

    def _ask(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return _call(self.top, *arguments)

    def _must(self, *arguments: str, extra: Mapping[str, str] | None = None) -> bytes:
        done = _call(self.top, *arguments, extra=extra)
        if done.returncode:
            said = _text(done.stderr).splitlines() or [f"exit code {done.returncode}"]
            raise UsageError(f"git {arguments[0]} failed in {str(self.top)!r}: {said[-1]}")
        return done.stdout


def _call(
    directory: Path, *arguments: str, extra: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    executable = shutil.which("git")
    if executable is None:
        return subprocess.CompletedProcess(arguments, 127, b"", b"git is not installed")
    kept = {name: value for name, value in os.environ.items() if name not in _LOCATION_VARIABLES}
    # messages are looked at in English; no password prompt, no download by a partial clone
    fixed = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    return subprocess.run(  # noqa: S603 - git itself, with arguments as a list
        [executable, *_NEVER_WRITE, *arguments],
        cwd=directory,
        env={**kept, **fixed, **(extra or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def _text(output: bytes) -> str:
    return os.fsdecode(output).strip()


def _names(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0") if name]
