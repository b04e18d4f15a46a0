"""Verdicts in words: one remark for each that matters, equal reasons told once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfmon.model.verdict import Change, Outcome, Verdict

IMPROVED: Final = "IMPROVED"
WORST_FIRST: Final = (Outcome.FAILED, Outcome.UNDECIDED, Outcome.PASSED, Outcome.NOT_CHECKED)
_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Remark:
    """What the report says of one verdict, or of several with one reason.

    Attributes:
        tag: FAILED, UNDECIDED, NOT CHECKED or IMPROVED.
        text: one sentence.
        fails: whether it makes its test fail.
        verdicts: those it speaks for, one or more.
    """

    tag: str
    text: str
    fails: bool
    verdicts: tuple[Verdict, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Doubts about any of its verdicts, each once."""
        return tuple(dict.fromkeys(text for one in self.verdicts for text in one.warnings))


def worst(verdicts: Iterable[Verdict]) -> Outcome | None:
    """Give the outcome that speaks for an operation; None where there is no verdict.

    What fails the test comes first, then FAILED, UNDECIDED, PASSED. NOT CHECKED speaks only for an
    operation of which nothing was checked; otherwise its criteria are counted on their own.
    """
    ranked = min(
        verdicts, key=lambda one: (not one.fails, WORST_FIRST.index(one.outcome)), default=None
    )
    return ranked.outcome if ranked else None


def remarks_on(verdicts: Sequence[Verdict]) -> tuple[Remark, ...]:
    """Say what is worth saying, worst first; what passed is not mentioned unless it improved.

    UNDECIDED and NOT CHECKED verdicts with one reason share a remark, which names the first ten
    and counts the others.
    """
    failed = [Remark(v.outcome.value, v.headline, v.fails, (v,)) for v in _of(verdicts, "FAILED")]
    improved = [
        Remark(IMPROVED, one.headline, one.fails, (one,))
        for one in verdicts
        if one.comparison and one.comparison.change is Change.IMPROVED
    ]
    return (
        *failed,
        *_by_reason(_of(verdicts, Outcome.UNDECIDED)),
        *_by_reason(_of(verdicts, Outcome.NOT_CHECKED)),
        *improved,
    )


def _of(verdicts: Sequence[Verdict], outcome: str) -> list[Verdict]:
    return [one for one in verdicts if one.outcome == outcome]


def _by_reason(verdicts: Sequence[Verdict]) -> list[Remark]:
    alike: dict[tuple[bool, str], list[Verdict]] = {}
    for one in verdicts:
        alike.setdefault((not one.fails, one.reason or one.headline), []).append(one)
    return [
        Remark(members[0].outcome.value, _text(reason, members), not spared, tuple(members))
        for (spared, reason), members in sorted(alike.items(), key=lambda item: item[0][0])
    ]


def _text(reason: str, members: Sequence[Verdict]) -> str:
    if len(members) == 1:
        headline = members[0].headline
        return headline if reason in headline else f"{headline}: {reason}"
    named = [f"{one.key.operation} {one.criterion}" for one in members[:_NAMED]]
    more = f" and {len(members) - _NAMED} more" if len(members) > _NAMED else ""
    return f"{', '.join(named)}{more}: {reason}"
