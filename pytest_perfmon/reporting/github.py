"""The report for GitHub Actions: annotations on the test files, and a step summary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pytest_perfmon.reporting.cells import clean
from pytest_perfmon.reporting.figures import file_of
from pytest_perfmon.reporting.layout import OUTCOME
from pytest_perfmon.reporting.remarks import IMPROVED, Remark
from pytest_perfmon.reporting.report import Report, count_line, unmeasured_line
from pytest_perfmon.reporting.table import UNIT, Group, Row

ANNOTATIONS_SHOWN: Final = 10  # GitHub shows so many of a kind for one step and drops the others
SUMMARY_BYTES: Final = 1_000_000  # GitHub refuses a step's summary above 1 MiB
_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]<>&|~#!@$\"']")


def workflow_commands(report: Report, *, directory: str = "") -> tuple[str, ...]:
    """Give the commands that make annotations, each to be printed on a line of its own.

    There is one a remark: an error where it fails a test, a warning where something could not be
    decided or checked, a notice for an improvement. Where there are more of a kind than GitHub
    shows, the last one says how many were left out.

    Args:
        report: what to show.
        directory: where pytest's rootdir lies in the repository, such as `services/api`.
    """
    by_level: dict[str, list[str]] = {"error": [], "warning": [], "notice": []}
    for remark, _ in report.remarks:
        level = _level(remark)
        by_level[level].append(_command(level, remark, directory))
    return tuple(line for level, lines in by_level.items() for line in _shown(level, lines))


def _level(remark: Remark) -> str:
    if remark.fails:
        return "error"
    return "notice" if remark.tag == IMPROVED else "warning"


def _command(level: str, remark: Remark, directory: str) -> str:
    file = file_of(remark.verdicts[0].key.nodeid)
    path = f"{directory.strip('/')}/{file}".lstrip("/")
    lines = [remark.text]
    if len(remark.verdicts) == 1:
        lines += [remark.verdicts[0].key.nodeid, *remark.verdicts[0].details]
    lines += [f"warning: {warning}" for warning in remark.warnings]
    title = _property(f"Performance: {remark.tag}")
    message = _data("\n".join(map(clean, lines)))
    return f"::{level} file={_property(clean(path))},title={title}::{message}"


def _shown(level: str, lines: list[str]) -> list[str]:
    if len(lines) <= ANNOTATIONS_SHOWN:
        return lines
    kept = lines[: ANNOTATIONS_SHOWN - 1]
    rest = f"{len(lines) - len(kept)} more of this kind stand in the step summary"
    return [*kept, f"::{level} title=Performance::{rest}"]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def step_summary(report: Report) -> str:
    """Give the report as Markdown, to be appended to the file that GITHUB_STEP_SUMMARY names.

    It ends early, and says so, where GitHub would refuse it for its size. Empty where there is
    nothing to tell.
    """
    lines = list(_summary_lines(report))
    if not lines:
        return ""
    kept: list[str] = []
    size = 0
    for line in lines:
        size += len(line.encode()) + 1
        if size > SUMMARY_BYTES:
            left_out = len(lines) - len(kept)
            kept += ["", f"{left_out} more lines are too many for GitHub; --perf-json has all."]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"


def _summary_lines(report: Report) -> Iterator[str]:
    headline = count_line(report) or unmeasured_line(report)
    if not headline:
        return
    yield from (f"### Performance: {headline}", "")
    for remark, footnotes in report.remarks:
        nodeid = remark.verdicts[0].key.nodeid
        where = f" ({markdown(nodeid)})" if len(remark.verdicts) == 1 else ""
        yield f"- **{remark.tag}** {markdown(remark.text)}{_raised(footnotes)}{where}"
    for group in report.groups:
        yield from _table(report, group)
    if report.footnotes:
        yield ""
    for number, text in enumerate(report.footnotes, start=1):
        yield f"{number}. {markdown(text)}"
    for note in report.notes:
        yield from ("", markdown(note))
    if report.rows and report.unmeasured:
        yield from ("", unmeasured_line(report))


def _table(report: Report, group: Group) -> Iterator[str]:
    yield ""
    titles = [group.title or "operation", *report.columns]
    yield _line([markdown(title) for title in titles])
    aligns = [":--" if title in (UNIT, OUTCOME) else "--:" for title in report.columns]
    yield _line([":--", *aligns])
    for row in group.rows:
        yield _line([_label(row), *map(markdown, row.cells)])


def _label(row: Row) -> str:
    return markdown(row.label) + _raised(row.footnotes)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _raised(footnotes: tuple[int, ...]) -> str:
    return f" <sup>{', '.join(map(str, footnotes))}</sup>" if footnotes else ""


def markdown(text: str) -> str:
    """Escape text so that Markdown and HTML show it as it is, on one line."""
    return _MARKDOWN.sub(lambda match: f"&#{ord(match[0])};", clean(text))
