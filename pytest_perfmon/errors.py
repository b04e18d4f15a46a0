"""The errors this package raises, all of them under one base class."""

from __future__ import annotations


class PerfmonError(Exception):
    """Anything pytest-perfmon itself has to complain about; the text says what to do."""


class UsageError(PerfmonError):
    """A value, option or file that the user has to change; ends a pytest run with exit code 4."""


class MarkError(UsageError):
    """A `budget` mark that says something impossible; a collection error in a pytest run."""


class MeasurementError(PerfmonError):
    """A measuring form used in a way that cannot give a figure; fails the test that did it."""


class StoreError(UsageError):
    """A store that cannot be opened, read or written as asked; names the place."""


class RunExistsError(StoreError):
    """A run that is saved to a store which has one of its baseline, time and id; names it."""


class NewerSchemaError(StoreError):
    """A record written by a later version of this package; names the file, is never guessed at."""


class PerfmonWarning(UserWarning):
    """A doubt about a verdict that its author asked to be warned of (`on_undecided="warn"`)."""
