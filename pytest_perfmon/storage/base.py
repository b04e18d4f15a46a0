"""What every store does, and which store a URL means."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote

from pytest_perfmon.errors import UsageError
from pytest_perfmon.model.run import Environment, Run, Series, Window
from pytest_perfmon.storage.directory import DirectoryStore


class RunStore(Protocol):
    """Keeps saved runs. Making one touches nothing; the place comes to be with the first save."""

    def describe(self) -> str:
        """Name the place, for messages."""
        ...

    def save(self, run: Run) -> str:
        """Append the run for good and say where it went.

        Raises:
            StoreError: it cannot be written; every earlier run is as it was.
            ValueError: the run holds what no reader would accept.
        """
        ...

    def window(
        self, name: str, environment: Environment, nodeids: Collection[str], limit: int = 30
    ) -> Window:
        """Give the newest values of every key of those tests, oldest first.

        What counts is what was saved under that baseline name in that environment.

        Raises:
            StoreError: the store cannot be read at all.
            NewerSchemaError: a later version of this package wrote what has to be read.
        """
        ...

    def runs(
        self, name: str | None = None, *, on_damaged: Callable[[str], object] | None = None
    ) -> Iterator[Run]:
        """Give whole runs, newest first, of one baseline or of all.

        `on_damaged` is called with one line for each record that cannot be used.
        """
        ...

    def history(
        self,
        name: str,
        wanted: str | None = None,
        *,
        on_damaged: Callable[[str], object] | None = None,
    ) -> list[Series]:
        """Give all values of a baseline, by key and environment, sorted by key and fingerprint.

        Args:
            name: the baseline.
            wanted: the exact name of an operation, or the exact node id of a test; None is all.
            on_damaged: as of `runs`.

        Raises:
            StoreError, NewerSchemaError: as `window`.
        """
        ...

    def remove(self, run: Run) -> None:
        """Take a run out for good; no other is touched.

        Raises:
            StoreError: it is not there, or cannot be removed.
        """
        ...


Opener = Callable[[str], RunStore | None]
"""Opens a URL of a scheme that it knows, and gives None for others."""


def _open_file(url: str, root: Path) -> RunStore:
    path = unquote(url.partition(":")[2])
    if path.startswith("//"):
        host, slash, below = path[2:].partition("/")
        if host not in ("", "localhost"):
            raise UsageError(f"--perf-store names the host {host!r}: expected file:///PATH")
        path = slash + below
    if re.match("/[A-Za-z]:", path):
        path = path[1:]
    return _open_directory(path, root)


def _open_directory(path: str, root: Path) -> RunStore:
    if not path.strip() or "\0" in path:
        raise UsageError(f"--perf-store is {path!r}: expected a directory or a URL")
    return DirectoryStore(root / path)


def _open_sql(url: str, root: Path) -> RunStore:
    try:
        from pytest_perfmon.storage.sql.store import SqlStore  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--perf-store is a {url.partition(':')[0]} URL, which needs {error.name}:"
            " pip install 'pytest-perfmon[sql]'"
        ) from error
    return SqlStore.at(url, root)


SCHEMES: Final[Mapping[str, Callable[[str, Path], RunStore]]] = {
    "file": _open_file,
    "sqlite": _open_sql,
    "postgresql+psycopg": _open_sql,
}
"""By scheme: what opens the URL, relative to the root directory."""

# One letter before the colon is a drive of Windows.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)


def open_store(url: str, root: Path, openers: Iterable[Opener] = ()) -> RunStore:
    """Give the store that a URL means; nothing is created, read or connected to.

    Args:
        url: a directory, absolute or relative to `root`, or `SCHEME:…`.
        root: the test run's root directory.
        openers: tried in turn for a scheme that is not built in.

    Raises:
        UsageError: no such scheme, naming those there are.
    """
    match = _SCHEME.fullmatch(url)
    if match is None:
        return _open_directory(url, root)
    scheme, rest = match[1].lower(), match[2]
    if scheme in SCHEMES:
        return SCHEMES[scheme](f"{scheme}:{rest}", root)
    for opener in openers:
        store = opener(url)
        if store is not None:
            return store
    known = ", ".join(f"{one}:" for one in SCHEMES)
    raise UsageError(
        f"--perf-store is {_shown(url)!r}: no store has the scheme {scheme!r};"
        f" expected a directory or one of {known}"
    )


def _shown(url: str) -> str:
    """Leave out of a URL what may be a password, wherever its author put it."""
    return url if url.isprintable() and not set("@?") & set(url) else f"{url.partition(':')[0]}:…"
