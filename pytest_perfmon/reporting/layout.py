"""What the table shows and in which order: `--perf-columns`, `--perf-sort`, `--perf-time-unit`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from pytest_perfmon.errors import UsageError
from pytest_perfmon.reporting.figures import FIGURES
from pytest_perfmon.units import Scale, scale_named

COUNTS: Final = ("calls", "rounds", "errors")
OUTCOME: Final = "outcome"
COLUMNS: Final = (*COUNTS, *FIGURES, OUTCOME)
SORT_KEYS: Final = ("file", "name", *COLUMNS)


class SortKey(NamedTuple):
    """One thing to sort by, ascending unless `descending`."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """How the report's table is laid out.

    Attributes:
        columns: names out of `COLUMNS`, in the order shown; the operation always comes first.
        sort: keys out of `SORT_KEYS`, the first one leading. Equal rows stay in the order in
            which they were measured.
        scale: the one unit of all times; None gives each row the unit that suits it.
    """

    columns: tuple[str, ...] = ("calls", "median", "p95", "max", OUTCOME)
    sort: tuple[SortKey, ...] = (SortKey("file"),)
    scale: Scale | None = None

    @property
    def grouped(self) -> bool:
        """Whether rows stand under their test files, which is so where `file` sorts first."""
        return self.sort[0].name == "file"


def read_layout(
    columns: str | None = None, sort: str | None = None, time_unit: str | None = None
) -> Layout:
    """Read the three options as users write them; None leaves the default.

    Args:
        columns: names separated by commas, such as `calls,median,p99,outcome`.
        sort: keys separated by commas, a leading `-` reversing one: `-p95` puts the slowest
            first, `file,-p95` does so inside each test file.
        time_unit: `ns`, `us`, `ms` or `s`.

    Raises:
        UsageError: naming what is not known and listing what is.
    """
    layout = Layout()
    if columns is not None:
        names = (_known(part.strip(), COLUMNS, "--perf-columns") for part in columns.split(","))
        layout = replace(layout, columns=tuple(dict.fromkeys(names)))
    if sort is not None:
        layout = replace(layout, sort=tuple(map(_sort_key, sort.split(","))))
    if time_unit is not None:
        layout = replace(layout, scale=scale_named(time_unit, "--perf-time-unit"))
    return layout


def _sort_key(part: str) -> SortKey:
    name = part.strip()
    descending = name.startswith("-")
    return SortKey(_known(name.removeprefix("-"), SORT_KEYS, "--perf-sort"), descending)


def _known(name: str, known: tuple[str, ...], option: str) -> str:
    if name not in known:
        raise UsageError(
            f"{option} names {name!r}: expected names separated by commas, of {', '.join(known)}"
        )
    return name
