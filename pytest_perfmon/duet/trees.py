"""Two source trees of equal kind, made of what the user compares, and removed afterwards."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from pytest_perfmon.duet.build import (
    TREE,
    build_key,
    pip_release,
    release_root,
    release_units,
    run_setup,
    write_release,
)
from pytest_perfmon.duet.files import (
    FileState,
    copy_file,
    copy_files,
    file_state,
    manifest,
    remove_bytecode,
    source_files,
)
from pytest_perfmon.duet.git import Git
from pytest_perfmon.duet.overlay import (
    Overlay,
    lay_over,
    lay_over_kept,
    plan_overlay,
    take_off,
)
from pytest_perfmon.duet.project import Project
from pytest_perfmon.duet.sides import Directory, GitRef, PipSpec, Side, Sides, Spec, WorkingTree
from pytest_perfmon.duet.slots import Slot, fresh_slot, keyed_slot, sweep
from pytest_perfmon.errors import UsageError

_EXTENSION_SUFFIXES: Final = (".so", ".pyd")


@contextmanager
def prepare(
    base: Spec,
    candidate: Spec,
    *,
    project: Project,
    cache_dir: Path,
    setup: str | None = None,
    python: str | None = None,
) -> Iterator[Sides]:
    """Make both trees, for as long as the context lasts; nothing is written into the project.

    Args:
        base: what is compared with.
        candidate: what is judged, `WorkingTree()` unless the user names another.
        project: the project at hand, whose tests both sides run.
        cache_dir: where trees live, outside of the project.
        setup: the command that builds a tree, run once per content of the tree and kept.
        python: the interpreter of both sides; `{tree}` in it makes it each side's own.

    Raises:
        UsageError: one line, for sources that cannot be compared as they are; says what to do.
    """
    _check_import_hooks(project, python)
    if cache_dir.resolve().is_relative_to(project.top) and project.git is not None:
        raise UsageError(
            f"the cache directory {str(cache_dir)!r} lies in the repository, where nothing is"
            " written: set XDG_CACHE_HOME to a directory outside"
        )
    maker = _Maker.of(project, cache_dir, setup, python)
    specs = (base, candidate)
    if setup is None and any(isinstance(spec, (GitRef, WorkingTree)) for spec in specs):
        maker.check_extensions()
    with ExitStack() as stack:
        try:
            first = maker.make("baseline", base, stack)
            second = maker.make("candidate", candidate, stack)
            sweep(cache_dir)  # last: what these two were made of is not old now
        except OSError as error:
            raise UsageError(f"cannot make the trees to compare: {error}") from error
        yield Sides(
            project=project,
            baseline=first.side,
            candidate=second.side,
            identical=first.files == second.files,
            tests=maker.overlay.names(maker.working),
            notes=maker.notes(first, second),
        )


@dataclass(frozen=True, slots=True)
class _Made:
    side: Side
    files: dict[str, FileState]
    generated: tuple[str, ...]
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Maker:
    project: Project
    cache_dir: Path
    setup: str | None
    python: str | None
    working: tuple[str, ...]
    ignored: tuple[str, ...]
    overlay: Overlay

    @classmethod
    def of(cls, project: Project, cache_dir: Path, setup: str | None, python: str | None) -> _Maker:
        working = project.working_files(cache_dir)
        packages = {
            PurePosixPath(name).parent
            for name in working
            if name.endswith(".py") and _under_any(name, project.roots)
        }
        ignored = project.git.ignored_files() if project.git is not None else ()
        beside = tuple(name for name in ignored if PurePosixPath(name).parent in packages)
        overlay = plan_overlay(project, working)
        return cls(project, cache_dir, setup, python, working, beside, overlay)

    def check_extensions(self) -> None:
        """Refuse a project whose built modules would be missing from its trees."""
        built = [name for name in self.ignored if name.endswith(_EXTENSION_SUFFIXES)]
        if built:
            raise UsageError(
                f"{built[0]!r} is a built module that git ignores, so no tree would have it:"
                " say how a tree is built with --perf-setup=CMD"
            )

    def make(self, name: str, spec: Spec, stack: ExitStack) -> _Made:
        """Make one side's tree: its own files, what is built of them, then the tests at hand."""
        slot = fresh_slot(self.cache_dir)
        stack.callback(slot.leave)
        slot.tree.mkdir()
        root = self._write(spec, slot)
        generated = self._copy_generated(spec, slot.tree)
        own = manifest(slot.tree)
        changes = {} if spec == WorkingTree() else self.overlay.changes(self.working, own)
        files = {file: state for file, state in own.items() if changes.get(file, True)}
        files |= {file: file_state(self.project.top / file) for file in changes if changes[file]}
        self._check_files(spec, own, files)
        if self.setup is not None and not isinstance(spec, PipSpec):
            slot = self._built(slot, own, stack)
            lay_over_kept(changes, self.project.top, slot.directory)
        else:
            lay_over(changes, self.project.top, slot.tree)
        data = tuple(file for file in self.overlay.data & own.keys() if own[file] != files[file])
        return _Made(self._side(name, spec, slot.tree, root), files, generated, data)

    def notes(self, *made: _Made) -> tuple[str, ...]:
        """Say which files the sides have that are no part of what was asked for."""
        generated = sorted({name for one in made for name in one.generated})
        data = sorted({name for one in made for name in one.data})
        return tuple(
            f"{what} from the working tree in both sides: {', '.join(names)}"
            for what, names in (("generated", generated), ("data beside tests", data))
            if names
        )

    def _write(self, spec: Spec, slot: Slot) -> str | None:
        match spec:
            case GitRef():
                _check_out(self.project.git, spec, slot)
            case WorkingTree():
                copy_files(self.project.top, self.working, slot.tree)
            case Directory(path):
                names = source_files(path, without=self.cache_dir.resolve())
                copy_files(path, names, slot.tree)
            case PipSpec(release_spec):
                python = sys.executable if self.python is None else self.python
                if TREE in python:
                    raise UsageError(
                        f"--perf-python={python!r}: a tree that pip:{release_spec} fills has no"
                        " interpreter of its own; name one without {tree}"
                    )
                release = pip_release(release_spec, self.cache_dir, python)
                units = release_units(release)
                tests = self.overlay.whole
                root = release_root(units, self.project.roots, self.working, tests)
                write_release(release, root, self.project.top, self.working, slot.tree)
                return root
        return None

    def _copy_generated(self, spec: Spec, tree: Path) -> tuple[str, ...]:
        if not isinstance(spec, (GitRef, WorkingTree)):
            return ()
        copied = []
        for name in self.ignored:
            target = tree / name
            if name.endswith(".py") and target.parent.is_dir() and not target.exists():
                copy_file(self.project.top / name, target)
                copied.append(name)
        return tuple(copied)

    def _check_files(
        self, spec: Spec, own: dict[str, FileState], files: dict[str, FileState]
    ) -> None:
        home = self.project.rootdir.relative_to(self.project.top).as_posix()
        if not any(_under_any(name, (home,)) for name in own):
            raise UsageError(
                f"{spec.label} has no directory {home!r}, where the tests are: it has to hold what"
                f" {str(self.project.top)!r} holds"
            )
        pointers = sorted(name for name, state in files.items() if state.pointer)
        if pointers:
            remedy = (
                "run git lfs pull"
                if isinstance(spec, WorkingTree)
                else "check it out elsewhere, run git lfs pull there, and give dir:PATH"
            )
            raise UsageError(
                f"{pointers[0]!r} in {spec.label} is a git-lfs pointer without its file: {remedy}"
            )

    def _built(self, source: Slot, own: dict[str, FileState], stack: ExitStack) -> Slot:
        command = self.setup or ""
        slot = keyed_slot(self.cache_dir, build_key(own, command, self.python or ""))
        stack.callback(slot.leave)
        if slot.kept:
            take_off(slot.directory)
            remove_bytecode(slot.tree)
        else:
            # built where it stays: what is built often holds its own path
            source.tree.rename(slot.tree)
            run_setup(command, slot.tree)
        slot.keep()
        return slot

    def _side(self, name: str, spec: Spec, tree: Path, root: str | None) -> Side:
        roots = dict.fromkeys((*(() if root is None else (root,)), *self.project.roots))
        return Side(
            name=name,
            label=spec.label,
            commit=spec.commit if isinstance(spec, GitRef) else "",
            tree=tree,
            path=tuple(tree / place for place in roots),
            python=self._interpreter(tree),
        )

    def _interpreter(self, tree: Path) -> Path | None:
        if self.python is None:
            return None
        found = shutil.which(self.python.replace(TREE, str(tree)))
        if found is None:
            raise UsageError(f"--perf-python={self.python!r}: no such program")
        return Path(found)


def _check_out(git: Git | None, ref: GitRef, slot: Slot) -> None:
    if git is None:
        raise UsageError(f"{ref.label} was asked for, but the tests are in no git repository")
    inner = git.submodules(ref.commit)
    if inner:
        raise UsageError(
            f"{ref.label} has the submodule {inner[0]!r}, whose files are in another repository:"
            " clone with --recurse-submodules elsewhere, check it out, and give dir:PATH"
        )
    absent = git.absent_objects(ref.commit)
    if absent:
        raise UsageError(
            f"{absent} objects of {ref.label} were never fetched into this partial clone:"
            " clone without --filter, or check it out elsewhere and give dir:PATH"
        )
    git.check_out(ref.commit, slot.tree, slot.directory / "index")


def _check_import_hooks(project: Project, python: str | None) -> None:
    if project.claims and (python is None or TREE not in python):
        claim = project.claims[0]
        raise UsageError(
            f"{claim.finder} imports {claim.module!r} from {claim.origin!r} whatever sys.path says"
            " (an editable install): give each side its own environment with --perf-setup and"
            f" --perf-python, such as --perf-python={TREE}/.venv/bin/python"
        )


def _under_any(name: str, roots: tuple[str, ...]) -> bool:
    return any(root == "." or name.startswith(f"{root}/") for root in roots)
