"""The two sides of a comparison: what the user asked for, and the trees it became."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_perfmon.duet.project import Project


@dataclass(frozen=True, slots=True)
class GitRef:
    """The files of a commit."""

    text: str
    commit: str

    @property
    def label(self) -> str:
        """How reports name it: `main (1a2b3c4)`."""
        return f"{self.text} ({self.commit[:7]})"


@dataclass(frozen=True, slots=True)
class PipSpec:
    """A release that pip installs; `spec` is what pip is asked for, `graphql-core==3.2.3`."""

    spec: str

    @property
    def label(self) -> str:
        """How reports name it."""
        return f"pip:{self.spec}"


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory as it is, built and ignored files included; resolved, in place of the top."""

    path: Path

    @property
    def label(self) -> str:
        """How reports name it."""
        return f"dir:{self.path}"


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """The project as it is now, uncommitted and new files included, ignored ones not."""

    @property
    def label(self) -> str:
        """How reports name it."""
        return "working tree"


Spec = GitRef | PipSpec | Directory | WorkingTree


@dataclass(frozen=True, slots=True)
class Side:
    """One side, ready to be run.

    Attributes:
        name: `baseline` or `candidate`.
        label: what was asked for, as reports show it.
        commit: the full commit id of a git ref; empty for others.
        tree: the side's own copy of the whole repository, resolved. Both have one length.
        path: what goes to the head of `sys.path`, in order; below `tree`.
        python: the interpreter that runs this side, where the user named one.
    """

    name: str
    label: str
    commit: str
    tree: Path
    path: tuple[Path, ...]
    python: Path | None = None


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of a comparison, alive until the context that prepared them ends.

    Attributes:
        project: where the tests and the working tree are.
        baseline: the side that BASE named.
        candidate: the other.
        identical: whether both trees hold the same files, so that any difference is chance.
        tests: names of the files that both sides take from the working tree, relative to the top.
        notes: sentences that a report shows, such as generated files that were copied.
    """

    project: Project
    baseline: Side
    candidate: Side
    identical: bool
    tests: frozenset[str]
    notes: tuple[str, ...] = ()

    def other(self, side: Side) -> Side:
        """Give the side that this one is compared with."""
        return self.candidate if side is self.baseline else self.baseline

    def mapped(self, path: Path, side: Side) -> Path:
        """Give the place in a side's tree of a path of the project; others stay as they are."""
        name = self.project.name_of(path)
        return path if name is None else side.tree / name
