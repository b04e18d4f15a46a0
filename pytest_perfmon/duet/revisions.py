"""BASE and candidate as the user names them: a git ref, a release, or a directory."""

from __future__ import annotations

from pathlib import Path

from pytest_perfmon.duet.git import Git
from pytest_perfmon.duet.sides import Directory, GitRef, PipSpec, Spec
from pytest_perfmon.errors import UsageError


def parse_side(text: str, directory: Path, option: str = "--perf-against") -> Spec:
    """Read what the user compares with.

    Args:
        text: a git ref (`main`, `v1.2`, `HEAD~3`), `merge-base:REF`, `pip:SPEC`, `dir:PATH`, or a
            directory where no ref has that name.
        directory: what paths are relative to, and whose repository refs are looked up in.
        option: how messages name the option.

    Raises:
        UsageError: one line, for a text that names nothing.
    """
    kind, colon, rest = text.partition(":")
    if kind == "pip" and colon:
        if not rest.strip() or rest.startswith("-"):
            raise UsageError(f"{option}={text!r}: expected a requirement, such as pip:name==1.2.3")
        return PipSpec(rest.strip())
    if kind == "dir" and colon:
        path = directory / Path(rest).expanduser()
        if not rest or not path.is_dir():
            raise UsageError(f"{option}={text!r}: {rest!r} is not a directory")
        return Directory(path.resolve())
    git = Git.find(directory)
    ref = rest if kind == "merge-base" and colon else text
    commit = git.commit(ref) if git is not None and ref else None
    if commit is None and ref == text and ref and (directory / text).is_dir():
        return Directory((directory / text).resolve())
    if git is None:
        raise UsageError(
            f"{option}={text!r}: {str(directory)!r} is not in a git repository, and no directory"
            " has that name; pip:SPEC compares with a release"
        )
    if commit is None:
        raise UsageError(f"{option}={text!r}: {_why_unknown(git, ref)}")
    if ref == text:
        return GitRef(text, commit)
    parted = git.merge_base(commit)
    if parted is None:
        cut = "; this clone is shallow: run git fetch --unshallow" if git.shallow() else ""
        raise UsageError(f"{option}={text!r}: HEAD and {ref!r} have no common commit{cut}")
    return GitRef(text, parted)


def _why_unknown(git: Git, ref: str) -> str:
    if not ref:
        return "expected a git ref, merge-base:REF, pip:SPEC or a directory"
    if git.commit(f"origin/{ref}") is not None:
        return f"no ref has that name here; origin/{ref} is one"
    if git.shallow():
        return (
            f"{ref!r} is not in this shallow clone: run git fetch --unshallow (in CI, check out"
            " with the full history), then git fetch origin for other branches"
        )
    return f"{ref!r} is no branch, tag or commit of {str(git.top)!r}, and no directory"
