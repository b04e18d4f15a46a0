"""The table of measured operations, as texts in rows: sorted, grouped, footnoted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfmon.model.budget import PERCENTILES
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.verdict import MeasuredOperation, Outcome, Verdict
from pytest_perfmon.reporting.figures import FIGURES, figure, file_of, label_of
from pytest_perfmon.reporting.layout import COUNTS, OUTCOME, Layout, SortKey
from pytest_perfmon.reporting.remarks import WORST_FIRST, worst
from pytest_perfmon.stats.quantiles import calls_needed
from pytest_perfmon.units import Scale, common_scale

UNIT: Final = "unit"
NOTHING: Final = "-"
PER_ROUND_MEAN: Final = (
    "per-round means: one call is too short for the clock, so the percentiles are not of calls"
)
INTERRUPTED: Final = "interrupted: figures of the calls made until then"


@dataclass(frozen=True, slots=True)
class Row:
    """One measured operation as the table shows it.

    Attributes:
        operation: what was measured.
        verdicts: those about it.
        label: the test, and the operation where that is not the test's own measurement.
        cells: one text a column.
        footnotes: numbers of the report's footnotes, counted from 1.
    """

    operation: MeasuredOperation
    verdicts: tuple[Verdict, ...]
    label: str
    cells: tuple[str, ...]
    footnotes: tuple[int, ...]

    @property
    def outcome(self) -> Outcome | None:
        """The worst of its verdicts; None without any."""
        return worst(self.verdicts)

    @property
    def fails(self) -> bool:
        """Whether one of its verdicts makes the test fail."""
        return any(one.fails for one in self.verdicts)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one title: a test file, or an empty title where there is nothing to tell apart."""

    title: str
    rows: tuple[Row, ...]


class Footnotes:
    """Numbers distinct texts in the order in which they are first met."""

    def __init__(self) -> None:
        self._number_of: dict[str, int] = {}

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts, number 1 first."""
        return tuple(self._number_of)

    def numbers(self, texts: Iterable[str]) -> tuple[int, ...]:
        """Give the numbers of these texts, ascending, each once."""
        known = self._number_of
        return tuple(sorted({known.setdefault(text, len(known) + 1) for text in texts}))


def columns_of(layout: Layout, extra: Mapping[Key, Mapping[str, str]]) -> tuple[str, ...]:
    """Give the titles of all columns: a unit after the last time, extra ones at the end."""
    columns = list(layout.columns)
    times = [column for column in columns if column in FIGURES]
    if times:
        columns.insert(columns.index(times[-1]) + 1, UNIT)
    return tuple(dict.fromkeys([*columns, *(title for texts in extra.values() for title in texts)]))


def groups_of(
    operations: Sequence[MeasuredOperation],
    verdicts: Mapping[Key, Sequence[Verdict]],
    layout: Layout,
    extra: Mapping[Key, Mapping[str, str]],
    footnotes: Footnotes,
) -> tuple[Group, ...]:
    """Make the rows in the order asked for; under file titles where files lead that order.

    Without titles, labels name the file as soon as there is more than one.
    """
    ordered = _in_order(operations, verdicts, layout.sort)
    columns = columns_of(layout, extra)
    files = tuple(dict.fromkeys(file_of(one.key.nodeid) for one in ordered))
    titled = layout.grouped and len(files) > 1
    members: dict[str, list[Row]] = {}
    for one in ordered:
        file = file_of(one.key.nodeid)
        label = label_of(one.key)
        about = tuple(verdicts.get(one.key, ()))
        texts = {**_texts(one, about, layout), **extra.get(one.key, {})}
        row = Row(
            operation=one,
            verdicts=about,
            label=label if titled or len(files) == 1 else f"{file}::{label}",
            cells=tuple(texts.get(column, NOTHING) for column in columns),
            footnotes=footnotes.numbers(_warnings(one, about)),
        )
        members.setdefault(file if titled else "", []).append(row)
    return tuple(Group(title, tuple(rows)) for title, rows in members.items())


def _texts(
    operation: MeasuredOperation, verdicts: Sequence[Verdict], layout: Layout
) -> dict[str, str]:
    summary = operation.summary
    shown = {name: figure(summary, name) for name in layout.columns if name in FIGURES}
    scale = layout.scale or common_scale(value for value in shown.values() if value is not None)
    outcome = worst(verdicts)
    return {
        **{name: f"{getattr(summary, name):,}" for name in COUNTS},
        **{name: _time(name, value, scale) for name, value in shown.items()},
        UNIT: scale.unit,
        OUTCOME: outcome.value if outcome else NOTHING,
    }


def _time(name: str, value: float | None, scale: Scale) -> str:
    return f"need {calls_needed(PERCENTILES[name])}" if value is None else scale.number(value)


def _warnings(operation: MeasuredOperation, verdicts: Iterable[Verdict]) -> list[str]:
    """Collect the warnings that no remark carries: the figures', and those of what passed."""
    summary = operation.summary
    own = [PER_ROUND_MEAN] if summary.unit == "per-round mean" else []
    own += [INTERRUPTED] if summary.interrupted else []
    passed = [one for one in verdicts if one.outcome is Outcome.PASSED]
    return [*own, *summary.warnings, *(text for one in passed for text in one.warnings)]


def _in_order(
    operations: Sequence[MeasuredOperation],
    verdicts: Mapping[Key, Sequence[Verdict]],
    sort: Sequence[SortKey],
) -> list[MeasuredOperation]:
    ordered = list(operations)
    for name, descending in reversed(sort):
        ranked = [(_rank(one, name, verdicts), one) for one in ordered]
        known = [(rank, one) for rank, one in ranked if rank is not None]
        known.sort(key=lambda pair: pair[0], reverse=descending)
        # what has no figure comes last either way
        ordered = [one for _, one in known] + [one for rank, one in ranked if rank is None]
    return ordered


def _rank(
    operation: MeasuredOperation, name: str, verdicts: Mapping[Key, Sequence[Verdict]]
) -> tuple[float, str] | None:
    key, summary = operation.key, operation.summary
    if name == "file":
        return (0.0, file_of(key.nodeid))
    if name == "name":
        return (0.0, label_of(key))
    if name == OUTCOME:
        outcome = worst(verdicts.get(key, ()))
        return (WORST_FIRST.index(outcome), "") if outcome else None
    value = float(getattr(summary, name)) if name in COUNTS else figure(summary, name)
    return None if value is None else (value, "")
