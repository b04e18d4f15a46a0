"""The default store: a directory with one immutable JSON file a run, no lock, no index."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

from pytest_perfmon.errors import NewerSchemaError, RunExistsError, StoreError
from pytest_perfmon.model.run import Environment, Run, Series, Window
from pytest_perfmon.model.schema import Record, read_record, run_to_json
from pytest_perfmon.storage.atomic import sweep, write_new
from pytest_perfmon.storage.names import check_baseline_name, is_baseline_name, run_file_name
from pytest_perfmon.storage.windows import SeriesBuilder, WindowBuilder

LARGEST_FILE: Final = 64 * 2**20
"""Bytes; a run of ten thousand operations takes about a tenth of it."""


class DirectoryStore:
    """Keeps runs as `<directory>/<baseline>/<UTC time>-<id>.json`.

    Files can be copied from one store into another, committed, or cached: a file counts by what it
    holds, and only under the one name that follows from that, so that no run counts twice.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def describe(self) -> str:
        """Name the place, for messages."""
        return str(self._directory)

    def save(self, run: Run) -> str:
        """Write the run and give the path of its file.

        Raises:
            RunExistsError: there is a file of that name; it stays as it is.
            StoreError: the place cannot be written; every earlier run is as it was.
            ValueError: the run holds what no reader would accept.
        """
        name = check_baseline_name(run.name)
        path = self._directory / name / run_file_name(run.time, run.id)
        data = run_to_json(run).encode("ascii")
        try:
            write_new(path, data)
        except OSError as error:
            complaint = RunExistsError if path.exists() else StoreError
            raise complaint(
                f"cannot save the run to {path}: {_reason(error)};"
                " --perf-store=URL names another place"
            ) from error
        sweep(path.parent)
        return str(path)

    def window(
        self, name: str, environment: Environment, nodeids: Collection[str], limit: int = 30
    ) -> Window:
        """Give the newest values of every key of those tests.

        Files are read from the newest on, until every key seen has its values. Beyond the newest
        `limit` files, one that mentions none of the tests still wanting is passed over unchecked,
        so that a long history costs a new test little.

        Raises:
            StoreError: the store cannot be read at all.
            NewerSchemaError: a later version of this package wrote one of the files.
        """
        builder = WindowBuilder(environment, nodeids, limit)
        files = self._files(check_baseline_name(name))
        warnings = []
        for position, path in enumerate(files):
            if builder.complete:
                break
            try:
                text = _text(path)
                if position < limit or builder.may_use(text):
                    builder.add(_record(path, text))
            except ValueError as error:
                warnings.append(_skipped(path, error))
        return builder.window(runs=len(files) - len(warnings), warnings=tuple(warnings))

    def runs(
        self, name: str | None = None, *, on_damaged: Callable[[str], object] | None = None
    ) -> Iterator[Run]:
        """Give whole runs, newest first, of one baseline or of all.

        Args:
            name: the baseline.
            on_damaged: called with one line for each file that is skipped.

        Raises:
            StoreError, NewerSchemaError: as `window`.
        """
        names = self._baselines() if name is None else [check_baseline_name(name)]
        files = [path for one in names for path in self._files(one)]
        for path in sorted(files, key=lambda path: path.name, reverse=True):
            try:
                run = _record(path, _text(path)).run()
            except ValueError as error:
                if on_damaged:
                    on_damaged(_skipped(path, error))
            else:
                yield run

    def history(
        self,
        name: str,
        wanted: str | None = None,
        *,
        on_damaged: Callable[[str], object] | None = None,
    ) -> list[Series]:
        """Give all values of a baseline, by key and environment.

        A file that does not mention what is wanted is passed over unchecked.

        Args:
            name: the baseline.
            wanted: the exact name of an operation, or the exact node id of a test; None is all.
            on_damaged: called with one line for each file that is skipped.

        Raises:
            StoreError, NewerSchemaError: as `window`.
        """
        builder = SeriesBuilder(wanted)
        for path in self._files(check_baseline_name(name)):
            try:
                text = _text(path)
                if builder.may_use(text):
                    builder.add(_record(path, text))
            except ValueError as error:
                if on_damaged:
                    on_damaged(_skipped(path, error))
        return builder.series()

    def remove(self, run: Run) -> None:
        """Delete the run's file.

        Raises:
            StoreError: there is none, or it cannot be deleted.
        """
        path = self._directory / check_baseline_name(run.name) / run_file_name(run.time, run.id)
        try:
            path.unlink()
        except OSError as error:
            raise StoreError(f"cannot remove the run {path}: {_reason(error)}") from error

    def _baselines(self) -> list[str]:
        entries = self._entries(self._directory)
        return [one.name for one in entries if one.is_dir() and is_baseline_name(one.name)]

    def _files(self, name: str) -> list[Path]:
        entries = self._entries(self._directory / name)
        names = sorted((one.name for one in entries if one.name.endswith(".json")), reverse=True)
        return [self._directory / name / one for one in names if not one.startswith(".")]

    def _entries(self, directory: Path) -> list[os.DirEntry[str]]:
        try:
            if not self._directory.exists():
                return []
            if not self._directory.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            with os.scandir(directory) as entries:
                return list(entries)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(
                f"cannot read the store {directory}: {_reason(error)};"
                " --perf-store=URL names another place"
            ) from error


def _text(path: Path) -> str:
    """Read a run's file; ValueError gives the reason why it cannot be used."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a file")
        if status.st_size > LARGEST_FILE:
            raise ValueError(f"it has {status.st_size} bytes, more than {LARGEST_FILE}")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ValueError(f"it cannot be read: {_reason(error)}") from error
    except UnicodeDecodeError:
        raise ValueError("it is not text") from None
    if not text:
        raise ValueError("it is empty")
    return text


def _record(path: Path, text: str) -> Record:
    """Check what a run's file holds; ValueError gives the reason why it cannot be used."""
    try:
        record = read_record(text)
    except NewerSchemaError as error:
        raise NewerSchemaError(f"cannot read {path}: {error}") from None
    place = f"{record.name}/{run_file_name(record.time, record.id)}"
    if place != f"{path.parent.name}/{path.name}":
        raise ValueError(f"it holds the run {place!r}, which its name does not say")
    return record


def _skipped(path: Path, error: ValueError) -> str:
    return f"{path} was skipped: {error}"


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
